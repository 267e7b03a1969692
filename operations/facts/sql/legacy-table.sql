-- The table agent_test_history, and those of the columns that we read ($1) that Postgres generates: pgoutput leaves them
-- out. By the catalogue: to_regclass would demand USAGE on the schema.
WITH legacy AS (
  SELECT c.oid, c.relkind, c.relreplident FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = 'public' AND c.relname = 'agent_test_history'
), key AS (
  SELECT i.indkey FROM pg_index i JOIN legacy ON i.indrelid = legacy.oid WHERE i.indisprimary
)
SELECT json_build_object(
  'there', EXISTS (SELECT FROM legacy),
  -- As REPLICA IDENTITY names it; 'n' also where the default stands for a primary key that is not there.
  'replicaIdentity', (SELECT CASE WHEN relreplident = 'd' AND NOT EXISTS (SELECT FROM key) THEN 'n' ELSE relreplident END FROM legacy),
  'keyColumns', (SELECT coalesce(json_agg(a.attname ORDER BY a.attname), '[]') FROM key, legacy
      JOIN pg_attribute a ON a.attrelid = legacy.oid WHERE a.attnum = ANY (key.indkey)),
  'partitioned', coalesce((SELECT relkind = 'p' FROM legacy), false),
  'inheriting', (SELECT coalesce(json_agg(format('%I.%I', n.nspname, c.relname) ORDER BY n.nspname, c.relname), '[]')
      FROM pg_inherits h JOIN legacy ON h.inhparent = legacy.oid
      JOIN pg_class c ON c.oid = h.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT c.relispartition),
  'generated', (SELECT coalesce(json_agg(a.attname ORDER BY a.attname), '[]') FROM pg_attribute a JOIN legacy ON a.attrelid = legacy.oid
      WHERE a.attgenerated <> '' AND a.attname = ANY ($1::text[]))
) AS facts
