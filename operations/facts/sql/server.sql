-- The server of the legacy database: identity, versions, limits and capacity. Catalogues only: every role that may connect
-- can ask. What a version of Postgres does not have is asked by way of JSON, or is NULL. $1 the connector's role
SELECT json_build_object(
  'version', current_setting('server_version_num')::integer,
  'database', current_database(),
  'inRecovery', pg_is_in_recovery(),
  -- The first eight digits of a WAL file's name; a standby has none to write.
  'timeline', CASE WHEN NOT pg_is_in_recovery()
    THEN ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer::text END,
  'encoding', current_setting('server_encoding'),
  'walLevel', current_setting('wal_level'),
  'slotsAllowed', current_setting('max_replication_slots')::integer,
  'slotsInUse', (SELECT count(*) FROM pg_replication_slots),
  'sendersAllowed', current_setting('max_wal_senders')::integer,
  'sendersInUse', (SELECT count(*) FROM pg_stat_replication),
  -- In MB; -1: without a bound.
  'capMegabytes', (SELECT setting::integer FROM pg_settings WHERE name = 'max_slot_wal_keep_size'),
  -- Bytes of WAL per second since the server's statistics began; NULL while that is too short to tell.
  'averageWalRate', (SELECT (wal_bytes / span)::float8
      FROM (SELECT wal_bytes, extract(epoch FROM clock_timestamp() - stats_reset) AS span FROM pg_stat_wal) w WHERE span >= 600),
  -- Postgres 18 and later.
  'idleTimeoutSeconds', extract(epoch FROM current_setting('idle_replication_slot_timeout', true)::interval)::float8,
  -- Postgres 17 and later: physical slots that must have confirmed before a failover slot sends anything.
  'standbySlots', (SELECT coalesce(json_agg(json_build_object('name', wanted.name,
        'served', coalesce(p.active AND p.wal_status <> 'lost' AND p.slot_type = 'physical', false)) ORDER BY wanted.position), '[]')
      FROM (SELECT btrim(part, ' "') AS name, position FROM unnest(string_to_array(current_setting('synchronized_standby_slots', true), ','))
            WITH ORDINALITY AS u (part, position)) wanted
      LEFT JOIN pg_replication_slots p ON p.slot_name = wanted.name WHERE wanted.name <> ''),
  -- Limits that would end a session of the connector: what is set for its role in this database, for the role, for the
  -- database, or for the server, in this order. A value of the server that our own session replaces is not known, and left out.
  'roleLimits', (SELECT coalesce(json_agg(json_build_object('name', s.name, 'value', found.value) ORDER BY s.name), '[]')
      FROM pg_settings s
      CROSS JOIN LATERAL (SELECT coalesce(
          (SELECT substr(item, strpos(item, '=') + 1) FROM pg_db_role_setting d, unnest(d.setconfig) item
           WHERE split_part(item, '=', 1) = s.name
             AND d.setrole IN (0, coalesce((SELECT oid FROM pg_roles WHERE rolname = $1), 0))
             AND d.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
           ORDER BY d.setrole <> 0 DESC, d.setdatabase <> 0 DESC LIMIT 1),
          CASE WHEN s.source IN ('default', 'configuration file', 'command line') THEN s.setting || coalesce(s.unit, '') END) AS value) found
      WHERE s.name IN ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout',
                       'idle_session_timeout', 'wal_sender_timeout') AND found.value IS NOT NULL),
  -- What was given to the server at its start goes before ALTER SYSTEM.
  'onCommandLine', (SELECT coalesce(json_agg(name ORDER BY name), '[]') FROM pg_settings WHERE source = 'command line'
      AND name IN ('wal_level', 'max_replication_slots', 'max_wal_senders', 'max_slot_wal_keep_size',
                   'idle_replication_slot_timeout'))
) AS facts
