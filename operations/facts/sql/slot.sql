-- Our replication slot; no row where there is none. Columns of later versions of Postgres are asked by way of JSON. $1 its name
SELECT json_build_object(
  'name', slot_name, 'plugin', plugin, 'database', database, 'temporary', temporary, 'active', active, 'walStatus', wal_status,
  'confirmed', confirmed_flush_lsn::text,
  'lagBytes', CASE WHEN NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn) END,
  'retainedBytes', CASE WHEN NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) END,
  'bytesLeft', safe_wal_size,
  -- Postgres 17 and later: the next three.
  'failover', to_jsonb(s) -> 'failover',
  'inactiveSeconds', extract(epoch FROM clock_timestamp() - (to_jsonb(s) ->> 'inactive_since')::timestamptz),
  'invalidated', to_jsonb(s) ->> 'invalidation_reason',
  'readBy', (SELECT a.usename::text FROM pg_stat_activity a WHERE a.pid = s.active_pid)
) AS facts
FROM pg_replication_slots s WHERE slot_name = $1
