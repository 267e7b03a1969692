-- About how large the message of the largest row is, in bytes: the twenty rows that take the most room as stored, which
-- Postgres knows without reading their values, are measured as text. $1 the percentage of the table's pages to look at
SELECT coalesce(max(coalesce(octet_length(steps_json::text), 0)::bigint + coalesce(octet_length(agent_profile_json::text), 0)
                    + coalesce(octet_length(summary), 0)), 0)::text AS bytes
FROM (
  SELECT steps_json, agent_profile_json, summary
  FROM public.agent_test_history TABLESAMPLE SYSTEM ($1)
  ORDER BY coalesce(pg_column_size(steps_json), 0) + coalesce(pg_column_size(agent_profile_json), 0)
           + coalesce(pg_column_size(summary), 0) DESC
  LIMIT 20
) AS largest
