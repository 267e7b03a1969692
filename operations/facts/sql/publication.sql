-- Our publication; no row where there is none. Catalogues only. $1 its name
SELECT json_build_object(
  'allTables', p.puballtables,
  'tables', (SELECT coalesce(json_agg(format('%s.%s', schemaname, tablename) ORDER BY schemaname, tablename), '[]')
             FROM pg_publication_tables WHERE pubname = p.pubname),
  'viaRoot', p.pubviaroot,
  'everyOperation', cardinality(o.published) = 4,
  -- Filters and column lists by way of JSON: Postgres 14 has neither.
  'narrowed', (SELECT coalesce(bool_or(coalesce(to_jsonb(e) ->> 'prqual', to_jsonb(e) ->> 'prattrs') IS NOT NULL), false)
               FROM pg_publication_rel e WHERE e.prpubid = p.oid),
  'ofTable', t.tablename IS NOT NULL,
  'tableNarrowed', r.columns IS NOT NULL OR t.filter IS NOT NULL,
  -- Only what it publishes of our table: a table that is added beside it takes no row away. With the number of the
  -- table's entry, which is another one after the table was taken out and put back between two looks.
  'identity', format('%s (oid %s), %s, of table %s%s%s', p.pubname, p.oid, array_to_string(o.published, ' '),
      coalesce(format('%s.%s (oid %s)', t.schemaname, t.tablename, legacy.oid), 'none'),
      CASE WHEN r.columns IS NOT NULL OR t.filter IS NOT NULL
           THEN format(' columns %s where %s', coalesce(r.columns, 'all'), coalesce(t.filter, 'true')) END,
      CASE WHEN r.oid IS NOT NULL THEN format(', entry %s', r.oid) END)
) AS facts
FROM pg_publication p
CROSS JOIN LATERAL (SELECT array_remove(ARRAY[
    CASE WHEN pubinsert THEN 'insert' END, CASE WHEN pubupdate THEN 'update' END,
    CASE WHEN pubdelete THEN 'delete' END, CASE WHEN pubtruncate THEN 'truncate' END], NULL) AS published) o
LEFT JOIN (SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE n.nspname = 'public' AND c.relname = 'agent_test_history') legacy ON true
LEFT JOIN LATERAL (SELECT schemaname, tablename, to_jsonb(v) ->> 'rowfilter' AS filter FROM pg_publication_tables v
           WHERE pubname = p.pubname AND schemaname = 'public' AND tablename = 'agent_test_history') t ON true
LEFT JOIN LATERAL (SELECT e.oid, to_jsonb(e) ->> 'prattrs' AS columns FROM pg_publication_rel e
           WHERE prpubid = p.oid AND prrelid = legacy.oid) r ON true
WHERE p.pubname = $1
