-- Counters of the legacy database that show reads of agent_test_history, without reading the table. $1 the role of the
-- connector
SELECT 'scans' AS source, '' AS role, '' AS subject,
       concat_ws('/', t.seq_scan, t.seq_tup_read, t.idx_scan, t.idx_tup_fetch) AS counter,
       coalesce((SELECT d.stats_reset::text FROM pg_stat_database d WHERE d.datname = current_database()), '') AS epoch
FROM pg_stat_all_tables t
WHERE t.schemaname = 'public' AND t.relname = 'agent_test_history' AND current_setting('track_counts')::boolean
UNION ALL
-- Another program under the connector's role, whose statements cannot be told from Debezium's: each look at it is news. And any
-- other session whose last statement names the table, where our role may see it: news is each statement, and each look at one
-- that still runs.
SELECT 'session', a.usename::text, a.application_name,
       max(CASE WHEN a.usename = $1 OR a.state IS DISTINCT FROM 'idle' THEN clock_timestamp() ELSE a.query_start END)::text, ''
FROM pg_stat_activity a
WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.backend_type = 'client backend'
  AND a.application_name NOT LIKE 'history-cdc%' AND a.application_name NOT LIKE 'Debezium%'
  AND (a.usename = $1 OR a.query ~* '\magent_test_history\M' AND position('/* history-cdc */' IN a.query) = 0)
GROUP BY a.usename, a.application_name
