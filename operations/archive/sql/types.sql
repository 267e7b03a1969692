-- The types of columns that are not Postgres's own, with the type below an array or a domain first.
WITH RECURSIVE used (oid, depth) AS (
  SELECT a.atttypid, 0
  FROM pg_attribute a
  WHERE a.attrelid = 'public.agent_test_history'::regclass AND a.attnum > 0 AND NOT a.attisdropped
  UNION
  SELECT b.oid, u.depth + 1
  FROM used u
  JOIN pg_type t ON t.oid = u.oid
  JOIN pg_type b ON b.oid IN (t.typelem, t.typbasetype)
  WHERE u.depth < 10
)
SELECT format_type(t.oid, NULL) AS name,
       CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'c' THEN 'composite' WHEN 'r' THEN 'range'
                      ELSE 'base' END AS kind,
       CASE
         WHEN EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_type'::regclass AND e.objid = t.oid AND e.deptype = 'e') THEN NULL
         WHEN t.typtype = 'e' THEN
           (SELECT format('CREATE TYPE %s AS ENUM (%s)', format_type(t.oid, NULL), string_agg(quote_literal(l.enumlabel), ', ' ORDER BY l.enumsortorder))
            FROM pg_enum l WHERE l.enumtypid = t.oid)
         WHEN t.typtype = 'd' THEN
           format('CREATE DOMAIN %s AS %s%s%s%s', format_type(t.oid, NULL), format_type(t.typbasetype, t.typtypmod),
                  coalesce(' DEFAULT ' || t.typdefault, ''), CASE WHEN t.typnotnull THEN ' NOT NULL' ELSE '' END,
                  (SELECT string_agg(format(' CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid)), '' ORDER BY k.conname)
                   FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c'))
       END AS ddl
FROM (SELECT oid, max(depth) AS depth FROM used GROUP BY oid) u
JOIN pg_type t ON t.oid = u.oid
JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE n.nspname <> 'pg_catalog' AND NOT (t.typelem <> 0 AND t.typlen = -1)
ORDER BY u.depth DESC, 1
