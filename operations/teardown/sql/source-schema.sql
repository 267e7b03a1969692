-- Our schema in the legacy database and all that it holds: tables of ours, and anything else that is in it. By the catalogue:
-- to_regclass would demand USAGE on the schema. $1 our publication
SELECT format('%I', n.nspname) AS place, 'schema' AS kind, pg_get_userbyid(n.nspowner) AS owner,
       pg_has_role(n.nspowner, 'USAGE') AS may, '{}'::text[] AS published
FROM pg_namespace n WHERE n.nspname = 'history_cdc_source'
UNION ALL
SELECT format('%I.%I', n.nspname, c.relname),
       CASE WHEN c.relname IN ('signal', 'heartbeat') AND c.relkind IN ('r', 'p') THEN 'table' ELSE 'other' END,
       pg_get_userbyid(c.relowner), pg_has_role(c.relowner, 'USAGE'),
       ARRAY(SELECT p.pubname::text FROM pg_publication_rel e JOIN pg_publication p ON p.oid = e.prpubid
             WHERE e.prrelid = c.oid AND p.pubname <> $1 ORDER BY 1)
FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid
WHERE n.nspname = 'history_cdc_source' AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
UNION ALL
SELECT format('%I.%I()', n.nspname, f.proname), 'other', pg_get_userbyid(f.proowner), pg_has_role(f.proowner, 'USAGE'), '{}'
FROM pg_namespace n JOIN pg_proc f ON f.pronamespace = n.oid WHERE n.nspname = 'history_cdc_source'
ORDER BY 2 DESC, 1
