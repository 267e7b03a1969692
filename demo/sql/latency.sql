-- From the commit of a streamed legacy row to the commit that made its decision visible, in milliseconds, on the
-- server's own clock; rows that something else happened to later are left out, for their commit is another one, and
-- so are those whose decision was taken twice because their live row came late.
SELECT count(*)::integer AS rows,
       percentile_cont(0.50) WITHIN GROUP (ORDER BY ms) AS p50,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY ms) AS p95,
       percentile_cont(0.99) WITHIN GROUP (ORDER BY ms) AS p99,
       max(ms) AS max
FROM (
  SELECT extract(epoch FROM pg_xact_commit_timestamp(l.xmin) - pg_xact_commit_timestamp(h.xmin))::float8 * 1000 AS ms
  FROM demo.expected e
       JOIN agent_test_history h ON h.id = e.legacy_id
       JOIN history_cdc.ledger l ON l.legacy_id = e.legacy_id
  WHERE e.origin = 'stream' AND e.story IS NULL AND e.path <> 'late'
) AS measured
