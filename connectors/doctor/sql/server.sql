-- The server of the legacy database, and our slot, as far as capacity goes. Catalogues only. $1 the slot's name
SELECT json_build_object(
  'inRecovery', pg_is_in_recovery(),
  'encoding', current_setting('server_encoding'),
  'sendersAllowed', current_setting('max_wal_senders')::integer,
  'sendersInUse', (SELECT count(*) FROM pg_stat_replication),
  -- In MB; -1: without a bound.
  'capMegabytes', (SELECT setting::integer FROM pg_settings WHERE name = 'max_slot_wal_keep_size'),
  -- What was given to the server at its start goes before ALTER SYSTEM.
  'onCommandLine', (SELECT coalesce(json_agg(name ORDER BY name), '[]') FROM pg_settings WHERE source = 'command line'
      AND name IN ('wal_level', 'max_replication_slots', 'max_wal_senders', 'max_slot_wal_keep_size')),
  'slot', (SELECT json_build_object(
      'temporary', temporary,
      'confirmed', confirmed_flush_lsn::text,
      'retainedBytes', CASE WHEN NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) END,
      'bytesLeft', safe_wal_size,
      -- Postgres 17 and later.
      'failover', to_jsonb(s) -> 'failover',
      'readBy', (SELECT a.usename::text FROM pg_stat_activity a WHERE a.pid = s.active_pid))
    FROM pg_replication_slots s WHERE slot_name = $1)
) AS facts
