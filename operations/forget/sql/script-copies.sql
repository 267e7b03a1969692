-- Counts canonical rows of the earlier script that name the user. Only the application may change them. $1 user id
SELECT count(*)::integer AS rows FROM public.agent_compliance_runs r
WHERE r.observations_json ->> 'backfill_source' = 'agent_test_history'
  AND r.observations_json ->> 'backfill_script' IS DISTINCT FROM 'history-cdc'
  AND r.observations_json ->> 'backfill_user_id' = $1
