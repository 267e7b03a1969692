-- Every column of the legacy table, in its order. A domain is archived as the type below it.
SELECT a.attname AS name,
       format_type(a.atttypid, a.atttypmod) AS type,
       coalesce(nullif(t.typbasetype, 0), t.oid)::regtype::text AS base,
       -- Since Postgres 18 a NOT NULL may be NOT VALID: then there may be NULLs.
       a.attnotnull AND NOT EXISTS (
         SELECT FROM pg_constraint k
         WHERE k.conrelid = a.attrelid AND k.contype = 'n' AND k.conkey = ARRAY[a.attnum] AND NOT k.convalidated
       ) AS "notNull",
       CASE WHEN a.attcollation <> t.typcollation THEN format('%I.%I', cn.nspname, co.collname) END AS collation,
       pg_get_expr(d.adbin, d.adrelid) AS "default",
       a.attgenerated <> '' AS generated,
       CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END AS identity
FROM pg_attribute a
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_collation co ON co.oid = a.attcollation
LEFT JOIN pg_namespace cn ON cn.oid = co.collnamespace
WHERE a.attrelid = 'public.agent_test_history'::regclass AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
