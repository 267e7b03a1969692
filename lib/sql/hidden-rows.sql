-- What may hide rows of tables from a role without an error. $1: tables as schema.table. $2: the role (NULL: the
-- current role). $3: what the role does with the rows (r reads, w updates, d deletes). Reads catalogues only. A missing
-- table or role hides nothing here.
WITH reader AS (
  SELECT oid, rolname, rolsuper OR rolbypassrls AS bypasses FROM pg_roles WHERE rolname = coalesce($2::text, current_user)
), places AS (
  SELECT format('%s.%s', n.nspname, c.relname) AS place, c.*
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE format('%s.%s', n.nspname, c.relname) = ANY ($1::text[])
), guarded AS (
  -- The condition under which Postgres applies policies to this role: check_enable_rls().
  SELECT p.place, p.oid, r.oid AS reader FROM places p, reader r
  WHERE p.relrowsecurity AND NOT r.bypasses
    AND (p.relforcerowsecurity OR NOT pg_has_role(r.oid, p.relowner, 'USAGE'))
), policies AS (
  SELECT g.place, command, pol.polname, pol.polpermissive, pg_get_expr(pol.polqual, pol.polrelid) IS NOT DISTINCT FROM 'true' AS shows_all
  FROM guarded g
  CROSS JOIN unnest($3::text[]) AS command
  JOIN pg_policy pol ON pol.polrelid = g.oid AND pol.polcmd IN ('*', command::"char")
    AND EXISTS (SELECT FROM unnest(pol.polroles) AS named (oid) WHERE named.oid = 0 OR pg_has_role(g.reader, named.oid, 'USAGE'))
)
SELECT p.place, r.rolname::text AS role,
       CASE WHEN EXISTS (SELECT FROM policies WHERE place = p.place AND NOT polpermissive AND NOT shows_all)
            THEN 'restrictive policies' ELSE 'policies' END AS why
FROM places p JOIN guarded g USING (place), reader r
WHERE EXISTS (
  SELECT FROM unnest($3::text[]) AS c (command)
  WHERE NOT EXISTS (SELECT FROM policies WHERE place = p.place AND policies.command = c.command AND polpermissive AND shows_all)
     OR EXISTS (SELECT FROM policies WHERE place = p.place AND policies.command = c.command AND NOT polpermissive AND NOT shows_all))
UNION ALL
SELECT p.place, r.rolname, CASE p.relkind WHEN 'v' THEN 'a view' WHEN 'm' THEN 'a materialized view' ELSE 'a foreign table' END
FROM places p, reader r WHERE p.relkind IN ('v', 'm', 'f')
UNION ALL
SELECT p.place, r.rolname, 'a partition' FROM places p, reader r WHERE p.relispartition
ORDER BY place, why
