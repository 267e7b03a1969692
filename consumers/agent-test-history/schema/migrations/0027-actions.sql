-- What people did to the ledger, one row per transaction that did something: retries, waivers, re-reads, repairs, decisions
-- taken anew, undo, forget, and what was accepted. A row is written in the transaction of its effect where there is one.
-- Nobody changes or deletes a row: no role is granted it, and the trigger refuses it to the owner, too.
CREATE TABLE history_cdc.action (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at           timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- The role that logged in, and from where; by Postgres, not by the command.
  role         text NOT NULL DEFAULT session_user,
  address      inet DEFAULT inet_client_addr(),
  -- As the command says it: the user of the operating system and its host, or the name that was given with --by.
  performed_by text NOT NULL,
  command      text NOT NULL,
  -- The options that were given: names, and values only where they are ids of ours.
  options      text[] NOT NULL DEFAULT '{}',
  counts       jsonb NOT NULL DEFAULT '{}'
);

CREATE FUNCTION history_cdc.refuse_change() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  RAISE EXCEPTION 'history_cdc.% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON history_cdc.action
  FOR EACH ROW EXECUTE FUNCTION history_cdc.refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON history_cdc.action
  FOR EACH STATEMENT EXECUTE FUNCTION history_cdc.refuse_change();
-- Whoever stamps the row is not who writes it: role, address and time are Postgres's own.
CREATE FUNCTION history_cdc.stamp_action() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  NEW.role := session_user;
  NEW.address := pg_catalog.inet_client_addr();
  NEW.at := pg_catalog.clock_timestamp();
  RETURN NEW;
END
$$;
CREATE TRIGGER stamp BEFORE INSERT ON history_cdc.action
  FOR EACH ROW EXECUTE FUNCTION history_cdc.stamp_action();
-- A table that is restored or replicated keeps what it has.
ALTER TABLE history_cdc.action ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE history_cdc.action ENABLE ALWAYS TRIGGER append_only_truncate;
