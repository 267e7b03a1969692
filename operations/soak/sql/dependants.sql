-- Everything in the catalogs that depends on agent_test_history or names it. `blocks`: false for what is the table's own and
-- goes with it. $1 our publication, $2 our slot
WITH it AS (
  SELECT c.oid, c.relname FROM pg_class c WHERE c.oid = to_regclass('public.agent_test_history')
),
named AS (
  -- A view may stand on another view: those behind it go with it, and are named, too.
  WITH RECURSIVE views AS (
    SELECT r.ev_class AS oid
    FROM it
    JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = it.oid AND d.classid = 'pg_rewrite'::regclass
    JOIN pg_rewrite r ON r.oid = d.objid AND r.ev_class <> it.oid
    UNION
    SELECT r.ev_class
    FROM views v
    JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = v.oid AND d.classid = 'pg_rewrite'::regclass
    JOIN pg_rewrite r ON r.oid = d.objid AND r.ev_class <> v.oid
  )
  SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialised view' ELSE 'rule on' END AS kind,
         v.oid::regclass::text AS name, true AS blocks
  FROM views v JOIN pg_class c ON c.oid = v.oid
  UNION ALL
  SELECT 'rule on the table', quote_ident(r.rulename), true FROM it JOIN pg_rewrite r ON r.ev_class = it.oid
  UNION ALL
  SELECT 'foreign key to the table', format('%s (%s)', k.conrelid::regclass, quote_ident(k.conname)), true
  FROM it JOIN pg_constraint k ON k.contype = 'f' AND k.confrelid = it.oid AND k.conrelid <> it.oid AND k.conparentid = 0
  UNION ALL
  -- It ends with the table; until then, a deleted parent takes rows of ours with it.
  SELECT 'foreign key from the table', format('%s (%s%s)', k.confrelid::regclass, quote_ident(k.conname),
           CASE k.confdeltype WHEN 'c' THEN ', ON DELETE CASCADE' WHEN 'n' THEN ', ON DELETE SET NULL' ELSE '' END), false
  FROM it JOIN pg_constraint k ON k.contype = 'f' AND k.conrelid = it.oid AND k.conparentid = 0
  UNION ALL
  SELECT 'policy on the table', quote_ident(p.polname), true FROM it JOIN pg_policy p ON p.polrelid = it.oid
  UNION ALL
  SELECT 'policy', format('%s on %s', quote_ident(p.polname), p.polrelid::regclass), true
  FROM it
  JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = it.oid AND d.classid = 'pg_policy'::regclass
  JOIN pg_policy p ON p.oid = d.objid AND p.polrelid <> it.oid
  UNION ALL
  SELECT 'trigger on the table', quote_ident(t.tgname), true
  FROM it
  JOIN pg_trigger t ON t.tgrelid = it.oid AND NOT t.tgisinternal
  JOIN pg_proc f ON f.oid = t.tgfoid
  -- The fence is ours (`retire fence`).
  WHERE f.pronamespace <> coalesce(to_regnamespace('history_cdc_fence'), 0)
  UNION ALL
  SELECT 'function', f.oid::regprocedure::text, true
  FROM it
  JOIN pg_proc f ON f.prosrc ~* format('\m%s\M', it.relname)
    OR EXISTS (SELECT FROM pg_depend d
               WHERE d.classid = 'pg_proc'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid = it.oid)
    OR EXISTS (SELECT FROM pg_depend d
               WHERE d.classid = 'pg_proc'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_type'::regclass
                 AND d.refobjid IN (SELECT t.oid FROM pg_type t JOIN pg_class c ON c.oid = it.oid
                                    WHERE t.oid = c.reltype OR t.typelem = c.reltype))
  JOIN pg_namespace n ON n.oid = f.pronamespace
  WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'history_cdc', 'history_cdc_fence')
  UNION ALL
  SELECT 'publication', quote_ident(p.pubname), true
  FROM it JOIN pg_publication p ON p.pubname <> $1
  WHERE p.puballtables
     OR EXISTS (SELECT FROM pg_publication_rel r WHERE r.prpubid = p.oid AND r.prrelid = it.oid)
     OR EXISTS (SELECT FROM pg_publication_tables t
                WHERE t.pubname = p.pubname AND t.schemaname = 'public' AND t.tablename = it.relname)
  UNION ALL
  SELECT 'replication slot', format('%s (%s)', quote_ident(s.slot_name), s.plugin), true
  FROM it JOIN pg_replication_slots s ON s.slot_name <> $2 AND s.database = current_database()
  UNION ALL
  SELECT CASE WHEN c.relispartition THEN 'partition' ELSE 'inheriting table' END, h.inhrelid::regclass::text, true
  FROM it JOIN pg_inherits h ON h.inhparent = it.oid JOIN pg_class c ON c.oid = h.inhrelid
  UNION ALL
  SELECT 'parent table', h.inhparent::regclass::text, true FROM it JOIN pg_inherits h ON h.inhrelid = it.oid
  UNION ALL
  SELECT 'column of the table''s type', format('%s.%s', a.attrelid::regclass, quote_ident(a.attname)), true
  FROM it JOIN pg_class c ON c.oid = it.oid
  JOIN pg_type t ON t.oid = c.reltype OR t.typelem = c.reltype
  JOIN pg_attribute a ON a.atttypid = t.oid AND NOT a.attisdropped AND a.attrelid <> it.oid
  UNION ALL
  SELECT 'event trigger', quote_ident(e.evtname), false
  FROM it JOIN pg_event_trigger e ON e.evtevent IN ('sql_drop', 'ddl_command_end', 'ddl_command_start')
)
SELECT (SELECT count(*) FROM it)::integer AS tables,
       coalesce((SELECT json_agg(row_to_json(n) ORDER BY n.blocks DESC, n.kind, n.name)
                 FROM (SELECT DISTINCT kind, name, blocks FROM named) AS n), '[]') AS named
