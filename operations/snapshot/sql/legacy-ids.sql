-- The next legacy ids, in the order of the key.
SELECT id::text AS id
FROM public.agent_test_history
WHERE $1::uuid IS NULL OR id > $1::uuid
ORDER BY id
LIMIT $2
