-- What the stream stands on in the legacy database. Catalogues only, open to everybody who may connect.
-- $1 the publication's name, $2 the slot's
SELECT json_build_object(
  'inRecovery', pg_is_in_recovery(),
  'database', current_database(),
  -- The first eight digits of a WAL file's name; a standby has none to write.
  'timeline', CASE WHEN NOT pg_is_in_recovery()
    THEN ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer END,
  'publication', (SELECT json_build_object(
      -- Only what it publishes of our table: a table that is added beside it takes no row away. With the number of the
      -- table's entry, which is another one after the table was taken out and put back between two looks.
      'identity', format('%s (oid %s), %s, of table %s%s%s', p.pubname, p.oid, array_to_string(o.published, ' '),
          coalesce(format('%s.%s (oid %s)', t.schemaname, t.tablename, legacy.oid), 'none'),
          CASE WHEN r.columns IS NOT NULL OR t.filter IS NOT NULL
               THEN format(' columns %s where %s', coalesce(r.columns, 'all'), coalesce(t.filter, 'true')) END,
          CASE WHEN r.oid IS NOT NULL THEN format(', entry %s', r.oid) END),
      'ofTable', t.tablename IS NOT NULL,
      'everyOperation', cardinality(o.published) = 4,
      'narrowed', r.columns IS NOT NULL OR t.filter IS NOT NULL)
    FROM pg_publication p
    CROSS JOIN LATERAL (SELECT array_remove(ARRAY[
        CASE WHEN pubinsert THEN 'insert' END, CASE WHEN pubupdate THEN 'update' END,
        CASE WHEN pubdelete THEN 'delete' END, CASE WHEN pubtruncate THEN 'truncate' END], NULL) AS published) o
    LEFT JOIN (SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = 'public' AND c.relname = 'agent_test_history') legacy ON true
    -- Filters and column lists by way of JSON: Postgres 14 has neither.
    LEFT JOIN LATERAL (SELECT schemaname, tablename, to_jsonb(v) ->> 'rowfilter' AS filter FROM pg_publication_tables v
               WHERE pubname = p.pubname AND schemaname = 'public' AND tablename = 'agent_test_history') t ON true
    LEFT JOIN LATERAL (SELECT e.oid, to_jsonb(e) ->> 'prattrs' AS columns FROM pg_publication_rel e
               WHERE prpubid = p.oid AND prrelid = legacy.oid) r ON true
    WHERE p.pubname = $1),
  'slot', (SELECT json_build_object(
      'identity', format('%s, %s, database %s', slot_name, plugin, database),
      'plugin', plugin, 'database', database, 'temporary', temporary, 'walStatus', wal_status,
      -- Postgres 17 and later.
      'invalidated', to_jsonb(s) ->> 'invalidation_reason',
      'confirmed', confirmed_flush_lsn::text)
    FROM pg_replication_slots s WHERE slot_name = $2),
  -- Rows written since the statistics began; NULL where there is no such table.
  'changes', (SELECT (n_tup_ins + n_tup_upd + n_tup_del)::text FROM pg_stat_all_tables
              WHERE schemaname = 'public' AND relname = 'agent_test_history'),
  'xmax', CASE WHEN NOT pg_is_in_recovery() THEN pg_snapshot_xmax(pg_current_snapshot())::text END
) AS facts
