-- The way back: public.agent_test_history can be written to again, as before the fence. No right was changed by the fence,
-- so none has to be given back.
--
-- Run by: the owner of the table, or a superuser. It waits for a lock no longer than lock_timeout, also for readers, and
-- changes nothing where there is no fence. `history-cdc retire unfence --apply` then records it.
LOCK TABLE public.agent_test_history IN ACCESS EXCLUSIVE MODE;
DO /* history-cdc */ $script$
DECLARE
  table_owner CONSTANT name := (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'public.agent_test_history'::regclass);
  part regclass;
  name text;
BEGIN
  IF to_regclass('history_cdc_fence.fence') IS NULL THEN
    RAISE NOTICE 'there is no fence';
    RETURN;
  END IF;
  EXECUTE format('SET LOCAL ROLE %I', table_owner);
  -- A partition's copy of a trigger goes with the trigger of the whole table.
  FOR part, name IN
    SELECT t.tgrelid, t.tgname FROM pg_trigger t
    WHERE t.tgfoid = to_regprocedure('history_cdc_fence.refuse()') AND t.tgparentid = 0
  LOOP
    EXECUTE format('DROP TRIGGER %I ON %s', name, part);
  END LOOP;
END
$script$;
{{remove}}
