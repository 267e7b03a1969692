-- Whole legacy rows. jsonb is Postgres's own text, which is also what Debezium sends.
SELECT id, agent_context_id, scenario, overall_passed, steps_passed, steps_failed, total_duration_ms, summary, dry_run,
       user_id, agent_profile_json::text AS agent_profile_json, started_at::text AS started_at,
       steps_json::text AS steps_json
FROM public.agent_test_history
WHERE id = ANY ($1::uuid[])
