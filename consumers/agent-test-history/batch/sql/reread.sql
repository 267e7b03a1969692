-- The columns that an event can leave out, by id. jsonb is Postgres's own text, which is also what Debezium sends.
SELECT id::text AS id, scenario, summary, user_id, agent_profile_json::text AS agent_profile_json,
       steps_json::text AS steps_json
FROM public.agent_test_history
WHERE id = ANY ($1::uuid[])
