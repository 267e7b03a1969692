-- Those of the ids that the legacy table still has.
SELECT id::text AS id
FROM public.agent_test_history
WHERE id = ANY ($1::uuid[])
ORDER BY id
