-- What the fence keeps beside the table. Nothing else may depend on it: without CASCADE, Postgres refuses.
DO $script$
DECLARE
  part text;
BEGIN
  IF to_regnamespace('history_cdc_fence') IS NULL THEN
    RETURN;
  END IF;
  EXECUTE format('SET LOCAL ROLE %I', (SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'history_cdc_fence'));
  FOR part IN
    SELECT CASE c.relkind WHEN 'S' THEN format('SEQUENCE %s', c.oid::regclass) ELSE 'TABLE history_cdc_fence.fence' END
    FROM pg_class c
    WHERE c.relnamespace = 'history_cdc_fence'::regnamespace
      AND (c.relname = 'fence' AND c.relkind = 'r' OR c.relname ~ '^refused_\d+_[a-z]+$' AND c.relkind = 'S')
  LOOP
    EXECUTE format('DROP %s', part);
  END LOOP;
  DROP FUNCTION IF EXISTS history_cdc_fence.refuse();
  DROP SCHEMA history_cdc_fence;
END
$script$;
