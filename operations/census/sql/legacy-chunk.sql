-- The next rows of the legacy table by id, with the values on which a decision depends. Summary and profile are read
-- only for rows that may have a live twin, or if $7 or $8 asks for them; the steps only if $9 does. The size of a value
-- that is stored out of line is known without reading it. Its length as text is measured only if the row is so large
-- that its message may exceed a limit. If the table has no column `brief`, it is NULL.
-- $1 the last id before, $2 rows, $3 and $4 the first and last start in reach of a live row, in microseconds since 1970
-- (NULL: there is none), $5 stored bytes from which a row is measured, $6 retention in days (NULL: none)
SELECT h.id, h.agent_context_id, h.scenario, h.overall_passed, h.steps_passed, h.steps_failed, h.total_duration_ms,
       h.dry_run, h.user_id, h.started_at::text AS started_at,
       CASE WHEN in_reach OR $7::boolean THEN h.summary END AS summary,
       CASE WHEN in_reach OR $8::boolean THEN h.agent_profile_json::text END AS agent_profile_json,
       CASE WHEN $9::boolean THEN h.steps_json::text END AS steps_json,
       stored.bytes AS stored_bytes, coalesce(stored.largest > 2000, false) AS out_of_line,
       CASE WHEN stored.bytes >= $5::bigint THEN
         coalesce(octet_length(h.steps_json::text), 0)::bigint + coalesce(octet_length(h.agent_profile_json::text), 0)
         + coalesce(octet_length(h.summary), 0)
         + coalesce(octet_length(h.brief), 0) + coalesce(octet_length(h.user_id), 0) + coalesce(octet_length(h.scenario), 0)
       END AS message_bytes,
       coalesce(h.started_at < clock_timestamp() - $6::integer * interval '1 day', false) AS expired
FROM (SELECT NULL::text AS brief) AS absent
CROSS JOIN LATERAL (
  SELECT id, agent_context_id, scenario, overall_passed, steps_passed, steps_failed, total_duration_ms, dry_run, user_id,
         started_at, summary, agent_profile_json, steps_json, brief
  FROM public.agent_test_history
  WHERE $1::uuid IS NULL OR id > $1::uuid
  ORDER BY id
  LIMIT $2
) AS h
CROSS JOIN LATERAL (
  SELECT coalesce(h.started_at BETWEEN timestamptz 'epoch' + $3::bigint * interval '1 microsecond'
                                   AND timestamptz 'epoch' + $4::bigint * interval '1 microsecond', false) AS in_reach
) AS reach
CROSS JOIN LATERAL (
  SELECT coalesce(pg_column_size(h.steps_json), 0)::bigint + coalesce(pg_column_size(h.agent_profile_json), 0)
         + coalesce(pg_column_size(h.summary), 0) + coalesce(pg_column_size(h.brief), 0)
         + coalesce(pg_column_size(h.user_id), 0) + coalesce(pg_column_size(h.scenario), 0) AS bytes,
         greatest(pg_column_size(h.steps_json), pg_column_size(h.agent_profile_json), pg_column_size(h.summary),
                  pg_column_size(h.brief), pg_column_size(h.user_id), pg_column_size(h.scenario)) AS largest
) AS stored
ORDER BY h.id
