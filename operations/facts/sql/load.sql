-- What a snapshot may burden: physical replicas and client sessions. NULL where this role may not see them: those of others
-- are visible to members of pg_read_all_stats only.
SELECT
  CASE WHEN seen.all_stats THEN coalesce(
    (SELECT max(extract(epoch FROM r.replay_lag))::float8
       FROM pg_stat_replication r
      -- A logical slot's reader is no replica: how far it is behind is the slot's lag.
      WHERE NOT EXISTS (SELECT FROM pg_replication_slots s WHERE s.active_pid = r.pid AND s.slot_type = 'logical')), 0)
  END AS replication_lag_seconds,
  CASE WHEN seen.all_stats THEN
    (SELECT count(*)::float8 FROM pg_stat_activity
      WHERE backend_type = 'client backend' AND state = 'active' AND pid <> pg_backend_pid())
  END AS active_sessions
FROM (SELECT pg_has_role('pg_read_all_stats', 'USAGE') AS all_stats) AS seen
