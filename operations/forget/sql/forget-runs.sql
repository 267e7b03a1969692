-- Replaces the user id in the provenance of our canonical rows. Reads the whole table, so it also finds rows that no
-- decision is linked to. $1 user id, $2 alias
UPDATE public.agent_compliance_runs r
SET observations_json = jsonb_set(r.observations_json, '{backfill_user_id}', to_jsonb($2::text))
WHERE r.observations_json ->> 'backfill_script' = 'history-cdc' AND r.observations_json ->> 'backfill_user_id' = $1
