-- The fence: nobody can INSERT, UPDATE or TRUNCATE public.agent_test_history any more, not its owner and not a superuser;
-- and nobody but its owner can DELETE. A deleted context still cascades into the table, because Postgres runs the cascade's
-- DELETE as the owner. Triggers refuse the statement, and sequences count what they refused. No right is changed.
--
-- Run by: the owner of the table with CREATE on the database, or a superuser. It waits for a lock no longer than
-- lock_timeout, and only for transactions that have written to the table; readers do not hold it up. It changes nothing
-- where the fence stands already. `history-cdc retire fence --apply` then records it.
LOCK TABLE public.agent_test_history IN SHARE ROW EXCLUSIVE MODE;
DO /* history-cdc */ $script$
DECLARE
  fenced CONSTANT regclass := 'public.agent_test_history';
  table_owner CONSTANT name := (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = fenced);
  part regclass;
  suffix text;
  who oid;
BEGIN
  -- Of this transaction, after the lock was given: all who wrote before have a smaller id, whoever writes later a larger.
  PERFORM pg_current_xact_id();
  IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'history_cdc_fence') THEN
    EXECUTE format('CREATE SCHEMA history_cdc_fence AUTHORIZATION %I', table_owner);
  ELSIF (SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'history_cdc_fence') <> table_owner THEN
    RAISE EXCEPTION 'the schema history_cdc_fence belongs to another role than the table' USING ERRCODE = 'insufficient_privilege';
  END IF;
  EXECUTE format('SET LOCAL ROLE %I', table_owner);
  IF to_regclass('history_cdc_fence.fence') IS NOT NULL THEN
    RAISE NOTICE 'the fence stands already';
    RETURN;
  END IF;
  GRANT USAGE ON SCHEMA history_cdc_fence TO PUBLIC;

  CREATE TABLE history_cdc_fence.fence (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    fenced_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    fenced_by  text NOT NULL DEFAULT session_user,
    xid        xid8 NOT NULL DEFAULT pg_current_xact_id(),
    table_oid  oid NOT NULL,
    dropped_at timestamptz
  );
  INSERT INTO history_cdc_fence.fence (table_oid) VALUES (fenced);

  -- For each role that may write to the table now, four counts and the time of the last; 0 stands for all other roles.
  FOR who IN
    SELECT 0 UNION ALL
    SELECT r.oid FROM pg_roles r
    WHERE r.rolcanlogin AND (has_table_privilege(r.oid, fenced, 'INSERT, UPDATE, DELETE, TRUNCATE')
                             OR has_any_column_privilege(r.oid, fenced, 'INSERT, UPDATE'))
  LOOP
    FOREACH suffix IN ARRAY ARRAY['insert', 'update', 'delete', 'truncate', 'last'] LOOP
      EXECUTE format('CREATE SEQUENCE history_cdc_fence.refused_%s_%s', who, suffix);
    END LOOP;
  END LOOP;
  GRANT SELECT ON ALL TABLES IN SCHEMA history_cdc_fence TO PUBLIC;
  GRANT SELECT ON ALL SEQUENCES IN SCHEMA history_cdc_fence TO PUBLIC;

  CREATE FUNCTION history_cdc_fence.refuse() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $refuse${{refuse}}$refuse$;
  REVOKE EXECUTE ON FUNCTION history_cdc_fence.refuse() FROM PUBLIC;

  -- For each statement on the table, and on each of its partitions by name.
  FOR part IN SELECT fenced UNION SELECT relid FROM pg_partition_tree(fenced) LOOP
    EXECUTE format('CREATE TRIGGER history_cdc_fence BEFORE INSERT OR UPDATE OR TRUNCATE ON %s
      FOR EACH STATEMENT EXECUTE FUNCTION history_cdc_fence.refuse()', part);
    EXECUTE format('CREATE TRIGGER history_cdc_fence_delete BEFORE DELETE ON %s
      FOR EACH STATEMENT WHEN (current_user <> %L::name) EXECUTE FUNCTION history_cdc_fence.refuse()', part, table_owner);
  END LOOP;
  -- For each row, also of a partition that comes later, and of a subscription's worker, which runs no statement.
  CREATE TRIGGER history_cdc_fence_row BEFORE INSERT OR UPDATE ON public.agent_test_history
    FOR EACH ROW EXECUTE FUNCTION history_cdc_fence.refuse();
  EXECUTE format('CREATE TRIGGER history_cdc_fence_row_delete BEFORE DELETE ON public.agent_test_history
    FOR EACH ROW WHEN (current_user <> %L::name) EXECUTE FUNCTION history_cdc_fence.refuse()', table_owner);

  -- Also where session_replication_role is `replica`.
  FOR part, suffix IN SELECT t.tgrelid, t.tgname FROM pg_trigger t WHERE t.tgfoid = 'history_cdc_fence.refuse()'::regprocedure LOOP
    EXECUTE format('ALTER TABLE ONLY %s ENABLE ALWAYS TRIGGER %I', part, suffix);
  END LOOP;
END
$script$;
