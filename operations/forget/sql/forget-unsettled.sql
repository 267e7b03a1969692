-- Replaces the user id in the canonical rows that are kept beside unsettled twins. $1 user id, $2 alias
UPDATE history_cdc.unsettled_twin u
SET observations_json = jsonb_set(u.observations_json, '{backfill_user_id}', to_jsonb($2::text))
WHERE u.observations_json ->> 'backfill_user_id' = $1
