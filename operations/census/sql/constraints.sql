-- The constraints that may refuse a canonical row because of its values, and the columns on which they depend (NULL:
-- any column). NOT NULL on a column that the projector always fills is left out.
SELECT con.conname::text AS what,
       CASE WHEN NOT 0 = ANY (con.conkey) THEN ARRAY(
         SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = con.conrelid AND a.attnum = ANY (con.conkey)
       ) END AS columns
FROM pg_constraint con
WHERE con.conrelid = 'public.agent_compliance_runs'::regclass AND con.contype IN ('c', 'f') AND con.conparentid = 0
UNION ALL
SELECT a.attname || ' NOT NULL', ARRAY[a.attname::text]
FROM pg_attribute a
WHERE a.attrelid = 'public.agent_compliance_runs'::regclass AND a.attnotnull
  AND a.attname IN ('headline', 'total_duration_ms', 'agent_profile_json')
UNION ALL
SELECT a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ARRAY[a.attname::text]
FROM pg_attribute a
JOIN pg_attribute image ON image.attrelid = 'history_cdc.run_image'::regclass AND image.attname = a.attname AND image.attnum > 0
WHERE a.attrelid = 'public.agent_compliance_runs'::regclass AND a.attnum > 0
  AND (a.atttypid <> image.atttypid OR a.atttypmod <> image.atttypmod)
UNION ALL
SELECT a.attname || ' GENERATED', NULL
FROM pg_attribute a
WHERE a.attrelid = 'public.agent_compliance_runs'::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated <> ''
ORDER BY what
