-- The schema of the ledger; no row where there is none. `outside`: what refers to an object of it from another schema, and
-- would go with it. Dependencies of dependencies are found, too.
WITH RECURSIVE schema AS (
  SELECT oid, nspowner FROM pg_namespace WHERE nspname = 'history_cdc'
), ours AS (
  SELECT 'pg_namespace'::regclass::oid AS classid, oid AS objid FROM schema
  UNION
  SELECT d.classid, d.objid FROM ours o
  JOIN pg_depend d ON d.refclassid = o.classid AND d.refobjid = o.objid AND d.deptype IN ('n', 'a', 'i', 'P', 'S')
), named AS (
  SELECT i.type, i.schema, i.identity FROM ours o, pg_identify_object(o.classid, o.objid, 0) i
)
SELECT pg_has_role(nspowner, 'USAGE') AS may, pg_get_userbyid(nspowner) AS owner,
       ARRAY(SELECT DISTINCT format('%s %s', type, identity) FROM named
             WHERE type NOT IN ('default value', 'schema', 'toast table')
               AND coalesce(schema, split_part(regexp_replace(identity, '^.* on ', ''), '.', 1)) NOT IN ('history_cdc', 'pg_toast')
             ORDER BY 1) AS outside
FROM schema
