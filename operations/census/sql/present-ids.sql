-- $1 legacy ids
SELECT id FROM public.agent_test_history WHERE id = ANY ($1::uuid[])
