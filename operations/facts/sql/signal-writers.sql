-- Who may write to the signal table: its owner (and whoever is a member of it), operators, and others; superusers and the
-- connector's role are left out. $1 the connector's role; nulls and empty lists where there is no such table
WITH tables AS (
  SELECT c.oid, c.relname, c.relowner, c.relacl FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE (n.nspname, c.relname) IN (('history_cdc_source', 'signal'), ('history_cdc_source', 'heartbeat'), ('public', 'agent_test_history'))
), signal AS (
  SELECT * FROM tables WHERE relname = 'signal'
), roles AS (
  -- As connectors/sql/roles makes an operator: it sees what became of its signals, and writes no legacy row, as the
  -- application does.
  SELECT r.oid, r.rolname,
         (SELECT bool_and(CASE WHEN t.relname = 'agent_test_history'
                               THEN NOT has_table_privilege(r.oid, t.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
                               ELSE has_table_privilege(r.oid, t.oid, 'SELECT') END) FROM tables t) AS is_operator
  FROM pg_roles r, signal s
  WHERE NOT r.rolsuper AND r.rolname <> $1 AND r.oid <> s.relowner AND NOT pg_has_role(r.oid, s.relowner, 'USAGE')
), granted AS (
  SELECT a.grantee, a.privilege_type, NULL::text AS on_column FROM signal s, aclexplode(s.relacl) a
  UNION ALL
  SELECT a.grantee, a.privilege_type, t.attname::text FROM signal s
  JOIN pg_attribute t ON t.attrelid = s.oid AND t.attacl IS NOT NULL, aclexplode(t.attacl) a
)
SELECT json_build_object(
  'owner', (SELECT relowner::regrole::text FROM signal),
  'grants', (SELECT coalesce(json_agg(json_build_object(
      'place', 'history_cdc_source.signal', 'privilege', g.privilege_type, 'column', g.on_column,
      'grantee', CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END,
      'isOperator', coalesce(r.is_operator, false)) ORDER BY r.rolname, g.privilege_type, g.on_column), '[]')
    FROM granted g LEFT JOIN roles r ON r.oid = g.grantee
    WHERE (g.grantee = 0 OR r.oid IS NOT NULL)
      -- TRIGGER, because a trigger changes what others write.
      AND g.privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER')),
  'members', (SELECT coalesce(json_agg(json_build_object(
      'role', quote_ident(r.rolname), 'of', quote_ident(p.rolname)) ORDER BY r.rolname, p.rolname), '[]')
    FROM roles r JOIN pg_roles p ON p.rolname IN ('pg_write_all_data', $1) AND p.oid <> r.oid
    WHERE pg_has_role(r.oid, p.oid, 'USAGE'))
) AS facts
