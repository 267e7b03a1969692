-- Legacy rows of another database; steps only where they may hold a phase of a storyboard.
SELECT t.id, t.agent_context_id, t.scenario, t.overall_passed, t.steps_passed, t.steps_failed, t.total_duration_ms,
       t.summary, t.dry_run, t.user_id, t.agent_profile_json::text AS agent_profile_json, t.started_at::text AS started_at,
       CASE WHEN t.steps_json::text LIKE '%"scenario"%' THEN t.steps_json::text END AS steps_json,
       t.xmin::text AS version
FROM public.agent_test_history t
WHERE {{rows}}
