-- The role of this connection, the server's version, and the tables of ours and of the application that it may change.
SELECT current_user AS role, current_database() AS database, current_setting('server_version') AS version,
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
       coalesce((SELECT array_agg(n.nspname || '.' || c.relname ORDER BY n.nspname, c.relname)
                 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE c.relkind IN ('r', 'p')
                   AND (n.nspname = 'history_cdc' OR (n.nspname = 'public' AND c.relname IN ('agent_test_history', 'agent_compliance_runs')))
                   AND has_schema_privilege(n.oid, 'USAGE')
                   AND has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')), '{}') AS writes
