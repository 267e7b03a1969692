-- Statements that read agent_test_history, by pg_stat_statements, with the calls of each role; and what would hide one: a
-- reset, and the number of evictions. Statements that only write or define are left out, and what a foreign key runs. The
-- name of the extension's schema stands in place of {schema}.
SELECT 'statement' AS source, r.rolname::text AS role, s.queryid::text AS subject, sum(s.calls)::text AS counter, '' AS epoch
FROM {schema}.pg_stat_statements s
JOIN pg_database d ON d.oid = s.dbid AND d.datname = current_database()
JOIN pg_roles r ON r.oid = s.userid
WHERE s.queryid IS NOT NULL AND s.query ~* '\magent_test_history\M'
  AND s.query !~* '^\s*(grant|revoke|alter|comment|vacuum|analyze|lock|create\s+(unique\s+)?(index|publication|trigger|policy))\M'
  AND s.query !~* '^\s*insert\s+into\s+("?public"?\s*\.\s*)?"?agent_test_history"?\M'
  AND s.query !~* '\mfrom\s+only\s+"public"\."agent_test_history"'
GROUP BY r.rolname, s.queryid
UNION ALL
SELECT 'statement', '', 'since', i.dealloc::text || ' ' || i.stats_reset::text, '' FROM {schema}.pg_stat_statements_info i
