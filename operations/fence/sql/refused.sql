-- What the fence has refused, by the role that had logged in; '0' stands for a role that could not write when it was built.
-- A sequence without a value has refused nothing. NULL: its value may not be seen.
SELECT coalesce(r.rolname::text, CASE WHEN m.who = '0' THEN 'another role' ELSE format('a role that is gone (%s)', m.who) END) AS role,
       m.who, m.operation, s.refused::text AS refused, l.at
FROM pg_sequences q
CROSS JOIN LATERAL (SELECT p[1] AS who, p[2] AS operation FROM regexp_match(q.sequencename, '^refused_(\d+)_(insert|update|delete|truncate)$') AS p) AS m
LEFT JOIN pg_roles r ON r.oid::text = m.who
CROSS JOIN LATERAL (SELECT q.last_value AS refused) AS s
LEFT JOIN LATERAL (
  SELECT to_timestamp(last.last_value / 1000000.0) AS at FROM pg_sequences last
  WHERE last.schemaname = q.schemaname AND last.sequencename = format('refused_%s_last', m.who)) AS l ON true
WHERE q.schemaname = 'history_cdc_fence' AND m.who IS NOT NULL AND s.refused IS NOT NULL
ORDER BY role, m.operation
