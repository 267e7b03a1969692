-- The same of the canonical rows that we would write if a live row went to another legacy row. $1 user id, $2 alias
UPDATE history_cdc.unsettled_twin u
SET observations_json = jsonb_set(u.observations_json, '{backfill_user_id}', to_jsonb($2::text))
WHERE u.observations_json ->> 'backfill_user_id' = $1
