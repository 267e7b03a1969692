-- What a role may do beyond logging in, by whatever way: attributes, memberships, ownership, and every grant on a table
-- outside the system's schemas. $1 the role's name; no row where there is none
WITH RECURSIVE role AS (
  SELECT oid, rolname, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls FROM pg_roles WHERE rolname = $1
), identities AS (
  SELECT oid FROM role
  UNION
  SELECT m.roleid FROM pg_auth_members m JOIN identities i ON m.member = i.oid
), relations AS (
  SELECT c.oid, format('%I.%I', n.nspname, c.relname) AS place, c.relowner, c.relacl
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%'
), grants AS (
  SELECT r.place, a.privilege_type, a.grantee, NULL::text AS on_column FROM relations r, aclexplode(r.relacl) a
  UNION ALL
  SELECT r.place, a.privilege_type, a.grantee, t.attname::text FROM relations r
  JOIN pg_attribute t ON t.attrelid = r.oid AND t.attacl IS NOT NULL, aclexplode(t.attacl) a
)
SELECT json_build_object(
  'name', rolname,
  'attributes', array_remove(ARRAY[
      CASE WHEN rolsuper THEN 'SUPERUSER' END, CASE WHEN rolcreaterole THEN 'CREATEROLE' END,
      CASE WHEN rolcreatedb THEN 'CREATEDB' END, CASE WHEN rolbypassrls THEN 'BYPASSRLS' END], NULL),
  'memberOf', (SELECT coalesce(json_agg(r.rolname ORDER BY r.rolname), '[]') FROM pg_roles r
    WHERE r.oid IN (SELECT oid FROM identities) AND r.oid <> role.oid),
  'owns', (SELECT coalesce(json_agg(place ORDER BY place), '[]') FROM relations
    WHERE relowner IN (SELECT oid FROM identities)),
  'createsInPublic', has_schema_privilege(role.oid, 'public', 'CREATE'),
  'grants', (SELECT coalesce(json_agg(json_build_object(
      'place', place, 'privilege', privilege_type, 'column', on_column,
      'grantee', CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END) ORDER BY place, privilege_type, on_column), '[]')
    FROM grants WHERE grantee = 0 OR grantee IN (SELECT oid FROM identities))
) AS facts
FROM role
