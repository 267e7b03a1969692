-- A legacy row as it is now, with the sizes of its JSON in place of the content. $1 the id
SELECT h.id, h.agent_context_id, h.scenario, h.overall_passed, h.steps_passed, h.steps_failed, h.total_duration_ms,
       h.summary, h.dry_run, h.user_id, h.started_at::text AS started_at,
       octet_length(h.agent_profile_json::text) AS agent_profile_bytes, octet_length(h.steps_json::text) AS steps_bytes
FROM public.agent_test_history h
WHERE h.id = $1::uuid
