
DECLARE
  login CONSTANT oid := (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = session_user);
  who oid := login;
BEGIN
  IF to_regclass(format('history_cdc_fence.refused_%s_last', who)) IS NULL THEN
    who := 0;
  END IF;
  -- A sequence keeps what it was told when the statement that told it is rolled back. Nothing else in Postgres does.
  PERFORM nextval(format('history_cdc_fence.refused_%s_%s', who, lower(TG_OP))::regclass);
  PERFORM setval(format('history_cdc_fence.refused_%s_last', who)::regclass,
                 (extract(epoch FROM clock_timestamp()) * 1000000)::bigint);
  RAISE EXCEPTION USING
    ERRCODE = 'insufficient_privilege',
    MESSAGE = format('public.agent_test_history is fenced since %s: %s is refused',
                     (SELECT to_char(fenced_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"') FROM history_cdc_fence.fence), TG_OP),
    HINT = 'The table is being retired. Whoever still writes to it must stop, or `history-cdc retire unfence` opens it again.';
END
