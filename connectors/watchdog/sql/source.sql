-- What the stream stands on in the legacy database. Catalogues only, open to everybody who may connect.
-- $1 the publication's name, $2 the slot's
SELECT json_build_object(
  'inRecovery', pg_is_in_recovery(),
  'database', current_database(),
  -- The first eight digits of a WAL file's name; a standby has none to write.
  'timeline', CASE WHEN NOT pg_is_in_recovery()
    THEN ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer END,
  -- Only what it publishes of our table: a table that is added beside it takes no row away.
  'publication', (SELECT format('%s (oid %s), %s, of table %s%s', p.pubname, p.oid,
      array_to_string(ARRAY[
        CASE WHEN pubinsert THEN 'insert' END, CASE WHEN pubupdate THEN 'update' END,
        CASE WHEN pubdelete THEN 'delete' END, CASE WHEN pubtruncate THEN 'truncate' END], ' '),
      coalesce((SELECT format('%s.%s (oid %s)', n.nspname, c.relname, c.oid)
        FROM pg_publication_tables t
        JOIN pg_namespace n ON n.nspname = t.schemaname
        JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename
        WHERE t.pubname = p.pubname AND t.schemaname = 'public' AND t.tablename = 'agent_test_history'), 'none'),
      (SELECT format(' columns %s where %s', coalesce(r.prattrs::text, 'all'),
                     coalesce(pg_get_expr(r.prqual, r.prrelid), 'true'))
        FROM pg_publication_rel r
        WHERE r.prpubid = p.oid AND (r.prattrs IS NOT NULL OR r.prqual IS NOT NULL) AND r.prrelid = (
          SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = 'public' AND c.relname = 'agent_test_history')))
    FROM pg_publication p WHERE p.pubname = $1),
  'slot', (SELECT json_build_object(
      'identity', format('%s, %s, database %s', slot_name, plugin, database),
      -- Of another use, or without WAL that it needs, it is as good as gone.
      'ours', plugin = 'pgoutput' AND database = current_database() AND wal_status <> 'lost',
      'confirmed', confirmed_flush_lsn::text)
    FROM pg_replication_slots WHERE slot_name = $2),
  -- Rows written since the statistics began; NULL where there is no such table.
  'changes', (SELECT (n_tup_ins + n_tup_upd + n_tup_del)::text FROM pg_stat_all_tables
              WHERE schemaname = 'public' AND relname = 'agent_test_history'),
  'xmax', CASE WHEN NOT pg_is_in_recovery() THEN pg_snapshot_xmax(pg_current_snapshot())::text END
) AS facts
