-- The role that Debezium logs in with; no row where there is none. `made_by_script`: it has every setting that
-- connectors/sql/01-role.sql gives a role that it creates. Rights and ownership by pg_shdepend, which knows those of other
-- databases, too. $1 its name
SELECT r.rolsuper AS superuser, r.oid = (SELECT oid FROM pg_roles WHERE rolname = current_user) AS ourselves,
       coalesce(r.rolconfig, '{}') @> ARRAY['statement_timeout=0', 'idle_in_transaction_session_timeout=0',
                                            'row_security=off', 'idle_session_timeout=0'] AS made_by_script,
       (SELECT count(*)::int FROM pg_shdepend d WHERE d.refobjid = r.oid AND d.refclassid = 'pg_authid'::regclass
          AND d.deptype = 'o') AS owned,
       (SELECT coalesce(array_agg(DISTINCT b.datname::text), '{}') FROM pg_shdepend d JOIN pg_database b
          ON b.oid = CASE WHEN d.dbid <> 0 THEN d.dbid WHEN d.classid = 'pg_database'::regclass THEN d.objid END
        WHERE d.refobjid = r.oid AND d.refclassid = 'pg_authid'::regclass AND b.datname <> current_database()) AS elsewhere,
       (SELECT coalesce(array_agg(DISTINCT pg_describe_object(d.classid, d.objid, 0)), '{}') FROM pg_shdepend d
        WHERE d.refobjid = r.oid AND d.refclassid = 'pg_authid'::regclass AND d.deptype <> 'o'
          AND d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND NOT (d.classid = 'pg_class'::regclass AND d.objid IN (
                SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = 'history_cdc_source' OR (n.nspname, c.relname) = ('public', 'agent_test_history')))
          AND NOT (d.classid = 'pg_namespace'::regclass AND d.objid IN (
                SELECT oid FROM pg_namespace WHERE nspname IN ('public', 'history_cdc_source')))) AS other_rights,
       EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) a
               WHERE (n.nspname, c.relname) = ('public', 'agent_test_history') AND a.grantee = r.oid) AS on_table,
       EXISTS (SELECT FROM pg_namespace n, aclexplode(n.nspacl) a
               WHERE n.nspname = 'public' AND a.grantee = r.oid) AS on_schema,
       EXISTS (SELECT FROM pg_database d, aclexplode(d.datacl) a
               WHERE d.datname = current_database() AND a.grantee = r.oid) AS on_database,
       current_database() AS database,
       (SELECT pg_has_role(c.relowner, 'USAGE') FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE (n.nspname, c.relname) = ('public', 'agent_test_history')) IS NOT FALSE
       AND (SELECT s.rolsuper OR s.rolcreaterole FROM pg_roles s WHERE s.rolname = current_user) AS may
FROM pg_roles r WHERE r.rolname = $1
