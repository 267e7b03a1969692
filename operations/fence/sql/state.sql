-- What there is of the table and of its fence. Anybody may ask.
SELECT to_regclass('public.agent_test_history')::oid::text AS table_oid,
       (SELECT pg_get_userbyid(relowner)::text FROM pg_class WHERE oid = to_regclass('public.agent_test_history')) AS table_owner,
       to_regclass('history_cdc_fence.fence') IS NOT NULL AS is_there
