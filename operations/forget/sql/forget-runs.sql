-- The user id in the provenance of canonical rows of ours, and of nobody else. Reads the whole table: a row that no decision
-- is linked to is found, too. $1 user id, $2 alias
UPDATE public.agent_compliance_runs r
SET observations_json = jsonb_set(r.observations_json, '{backfill_user_id}', to_jsonb($2::text))
WHERE r.observations_json ->> 'backfill_script' = 'history-cdc' AND r.observations_json ->> 'backfill_user_id' = $1
