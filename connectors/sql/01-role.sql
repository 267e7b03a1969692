-- 1. The role that Debezium logs in with.
--
-- Run by: a role with CREATEROLE and REPLICATION, or a superuser. Skip it where the role is made in another way;
-- a role that exists is not changed.
--
-- It has no password yet, so nobody can log in with it. Give it one that stays out of the server's log, in psql:
--   \password {{role}}
-- and hand the same password to the Kafka Connect process, as HISTORY_CDC_CONNECTOR_PASSWORD.
--
-- pg_hba.conf: one line for this role, this database and the addresses of Kafka Connect (hostssl, scram-sha-256).
-- Logical replication logs in to the database by its name: no line with the keyword `replication` is needed, and
-- none should be there, because that one admits a physical copy of the whole cluster.
DO $script$
DECLARE
  existing pg_roles%ROWTYPE;
BEGIN
  SELECT * INTO existing FROM pg_roles WHERE rolname = {{role_text}};
  IF NOT FOUND THEN
    CREATE ROLE {{role}} LOGIN REPLICATION;
    -- The snapshot is one long transaction that waits while Kafka is slow: limits that the server or the database
    -- sets for the application's sessions would end it, and it would begin again from nothing.
    ALTER ROLE {{role}} SET statement_timeout = 0;
    ALTER ROLE {{role}} SET idle_in_transaction_session_timeout = 0;
    -- A policy of row-level security that comes later raises an error in a snapshot, instead of leaving rows out of it.
    ALTER ROLE {{role}} SET row_security = off;
    ALTER ROLE {{role}} SET idle_session_timeout = 0;
    IF current_setting('server_version_num')::integer >= 170000 THEN
      ALTER ROLE {{role}} SET transaction_timeout = 0;
    END IF;
    RAISE NOTICE 'role %: created, without a password', {{role_text}};
  ELSIF NOT existing.rolcanlogin OR NOT (existing.rolreplication OR existing.rolsuper) THEN
    RAISE WARNING 'role % exists and lacks LOGIN or REPLICATION', {{role_text}}
      USING HINT = 'ALTER ROLE … LOGIN REPLICATION, or what the hosting service offers in its place.';
  END IF;
END
$script$;
