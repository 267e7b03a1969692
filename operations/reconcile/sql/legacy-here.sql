  SELECT t.id, t.agent_context_id, t.scenario, t.overall_passed, t.steps_passed, t.steps_failed, t.total_duration_ms,
         t.summary, t.dry_run, t.user_id, t.agent_profile_json, t.started_at, t.steps_json,
         t.xmin::text AS version
  FROM public.agent_test_history t
  WHERE {{rows}}
