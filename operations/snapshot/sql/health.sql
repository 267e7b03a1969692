-- How the legacy database feels, as far as a snapshot burdens it. Null where there is nothing to measure, or where this
-- role may not see it: sessions and replicas of others are visible to members of pg_read_all_stats only.
SELECT
  (SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::float8
     FROM pg_replication_slots WHERE slot_name = $1) AS slot_lag_bytes,
  CASE WHEN seen.all_stats THEN coalesce(
    (SELECT max(extract(epoch FROM r.replay_lag))::float8
       FROM pg_stat_replication r
      -- A logical slot's reader is no replica: how far it is behind is the slot lag.
      WHERE NOT EXISTS (SELECT FROM pg_replication_slots s WHERE s.active_pid = r.pid AND s.slot_type = 'logical')), 0)
  END AS replication_lag_seconds,
  CASE WHEN seen.all_stats THEN
    (SELECT count(*)::float8 FROM pg_stat_activity
      WHERE backend_type = 'client backend' AND state = 'active' AND pid <> pg_backend_pid())
  END AS active_sessions
FROM (SELECT pg_has_role('pg_read_all_stats', 'USAGE') AS all_stats) AS seen
