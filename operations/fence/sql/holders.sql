-- Who holds or awaits a lock on the table or on one of its partitions, without the text of any statement. Of the sessions
-- of other roles, time and state are hidden from a role that is no member of pg_read_all_stats.
-- $1 only locks that the fence has to wait for
SELECT DISTINCT l.pid, coalesce(a.usename::text, p.owner::text) AS role, a.application_name AS application, a.state, l.mode,
       l.granted, coalesce(a.xact_start, p.prepared) AS since, p.gid AS prepared
FROM pg_locks l
LEFT JOIN pg_stat_activity a ON a.pid = l.pid
-- A prepared transaction has no session. Its locks share a virtual id with the lock on its own transaction id.
LEFT JOIN pg_locks x ON l.pid IS NULL AND x.pid IS NULL AND x.locktype = 'transactionid' AND x.granted
                    AND x.virtualtransaction = l.virtualtransaction
LEFT JOIN pg_prepared_xacts p ON p.transaction = x.transactionid
WHERE l.locktype = 'relation' AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND l.relation IN (SELECT to_regclass('public.agent_test_history') UNION SELECT relid FROM pg_partition_tree(to_regclass('public.agent_test_history')))
  AND l.pid IS DISTINCT FROM pg_backend_pid()
  AND (l.mode NOT IN ('AccessShareLock', 'RowShareLock') OR NOT $1)
ORDER BY l.granted DESC, since NULLS LAST, l.pid, l.mode
