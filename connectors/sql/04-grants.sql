-- 4. What the connector's role may do, and nothing else.
--
-- Run by: the owner of the tables. CONNECT and USAGE on public are mostly there already, by way of PUBLIC; where
-- they are not, the owner of the database and of the schema grants them.
DO $script$
BEGIN
  IF NOT has_database_privilege({{role_text}}, current_database(), 'CONNECT') THEN
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), {{role_text}});
  END IF;
  IF NOT has_schema_privilege({{role_text}}, 'public', 'USAGE') THEN
    GRANT USAGE ON SCHEMA public TO {{role}};
  END IF;
END
$script$;

-- The snapshot reads this one table of the application, and no other.
GRANT SELECT ON public.agent_test_history TO {{role}};

GRANT USAGE ON SCHEMA history_cdc_source TO {{role}};
-- INSERT opens an incremental snapshot's window, DELETE closes it.
GRANT SELECT, INSERT, DELETE ON history_cdc_source.signal TO {{role}};
GRANT SELECT, INSERT, UPDATE ON history_cdc_source.heartbeat TO {{role}};

-- The application's own role needs nothing. Whoever runs `history-cdc` against this database as somebody else than
-- the owner of these tables needs, to send signals, to tell why one was sent, and to see the heartbeat:
--   GRANT USAGE ON SCHEMA history_cdc_source TO operator;
--   GRANT SELECT, INSERT ON history_cdc_source.signal TO operator;
--   GRANT SELECT ON history_cdc_source.heartbeat TO operator;
-- `history-cdc snapshot watch` sees sessions and replicas only as a member of pg_read_all_stats.
