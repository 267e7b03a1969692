-- Statements of other programs that read agent_test_history, by pg_stat_statements, with the calls of each role. Ours have a mark
-- in their text (lib/own-statement.ts). Statements that only write or define are left out, and what a foreign key runs. The
-- last row moves when a statement may be hidden: after a reset, an eviction or a start of the server (a crash loses all), and
-- at each look while the server has lost texts. The name of the extension's schema stands in place of {schema}.
SELECT 'statement' AS source, coalesce(r.rolname::text, format('a role that is gone (%s)', s.userid)) AS role,
       s.queryid::text AS subject, sum(s.calls)::text AS counter, '' AS epoch
FROM {schema}.pg_stat_statements s
JOIN pg_database d ON d.oid = s.dbid AND d.datname = current_database()
LEFT JOIN pg_roles r ON r.oid = s.userid
WHERE s.queryid IS NOT NULL AND s.query ~* '\magent_test_history\M' AND position('/* history-cdc */' IN s.query) = 0
  AND s.query !~* '^\s*(grant|revoke|alter|comment|vacuum|analyze|lock|create\s+(unique\s+)?(index|publication|trigger|policy))\M'
  AND (s.query !~* '^\s*insert\s+into\s+("?public"?\s*\.\s*)?"?agent_test_history"?\M' OR s.query ~* 'agent_test_history.*agent_test_history')
  AND (s.toplevel OR s.query !~* '\mfrom\s+only\s+"public"\."agent_test_history"')
GROUP BY 2, 3
UNION ALL
SELECT 'statement', '', 'since', concat_ws(' ', i.dealloc, i.stats_reset, pg_postmaster_start_time(), l.lost), ''
FROM {schema}.pg_stat_statements_info i
CROSS JOIN LATERAL (
  SELECT CASE WHEN count(*) > 0 THEN format('%s texts are lost at %s', count(*), clock_timestamp()) END AS lost
  FROM {schema}.pg_stat_statements s WHERE s.query IS NULL) AS l
