-- Transactions of the whole server that have written, began before the fence, and are still open: also those of other databases,
-- because a snapshot waits for them as well. Without the text of any statement. Locks are shown to everybody; of the sessions of
-- other roles, the time is hidden from a role that is no member of pg_read_all_stats.
-- $1 the transaction id of the fence
SELECT DISTINCT l.pid, coalesce(a.usename::text, p.owner::text) AS role, nullif(a.application_name, '') AS application,
       coalesce(a.datname::text, p.database::text) AS database, coalesce(a.xact_start, p.prepared) AS since, p.gid AS prepared
FROM pg_locks l
LEFT JOIN pg_stat_activity a ON a.pid = l.pid
LEFT JOIN pg_prepared_xacts p ON l.pid IS NULL AND p.transaction = l.transactionid
WHERE l.locktype = 'transactionid' AND l.granted AND l.mode = 'ExclusiveLock'
  AND age(l.transactionid) > age($1::xid8::xid)
ORDER BY since NULLS LAST, l.pid
