-- Legacy rows up to a key, and of them those behind an earlier one, for a snapshot of the whole table.
SELECT count(*)::float8 AS done, count(*) FILTER (WHERE id > $2::uuid)::float8 AS lately
FROM public.agent_test_history
WHERE id <= $1::uuid
