-- The checks of the cutover window, where two writers recorded an owner's run; the same columns as checks.sql. What
-- belongs together is known because the demo wrote it: nothing here compares two rows to find out.
WITH linked AS (
  SELECT v.*, r.id IS NOT NULL AS present, r.triggered_by, md5(r::text) AS hash_now, l.legacy_id AS linked_to
  FROM demo.live_run v
       LEFT JOIN agent_compliance_runs r ON r.id = v.id
       LEFT JOIN history_cdc.ledger l ON l.canonical_run_id = v.id
  WHERE v.hash IS NOT NULL
), pair_group AS (
  SELECT j.pair_group, count(*) AS runs, count(*) FILTER (WHERE decision = 'twin' AND g.id IS NOT NULL AND ours = 0) AS twins,
         count(*) FILTER (WHERE decision = 'projected' AND ours = 1) AS projected,
         (SELECT count(*) FROM demo.expected e JOIN linked v ON v.id = e.live_run_id WHERE e.pair_group = j.pair_group) AS live_rows
  FROM demo.judged j
       LEFT JOIN (SELECT e.pair_group, v.id FROM demo.expected e JOIN linked v ON v.id = e.live_run_id) AS g
              ON g.pair_group = j.pair_group AND g.id = j.canonical_run_id
  WHERE j.pair_group IS NOT NULL
  GROUP BY 1
), cutover AS (
  -- From two minutes before the first live row on, a run that only the legacy table has is one that the live path missed.
  -- No live row can be near to a time that is infinite, or after the year 9999.
  SELECT min(tested_at) - interval '120 seconds' AS since
  FROM agent_compliance_runs
  WHERE triggered_by = 'owner_test' AND observations_json ->> 'backfill_source' IS DISTINCT FROM 'agent_test_history'
), named AS (
  SELECT j.reason, CASE WHEN j.settled THEN 'moved_to_agent_not_owned' WHEN j.path = 'unknown' THEN 'weak_fingerprint' WHEN i.started_at >= c.since AND i.started_at < '10000-01-01' THEN 'straggler' ELSE 'history' END AS must
  FROM demo.judged j
       JOIN (SELECT id, started_at FROM agent_test_history UNION ALL SELECT id, started_at FROM demo.deleted_row) AS i ON i.id = j.legacy_id
       CROSS JOIN cutover c
  WHERE j.decision = 'projected'
), checks (n, id, claim, expected, found, looked_at) AS (
  SELECT 1, 'twins-as-written', 'each run that both sides recorded is linked to exactly its live row', count(*),
         count(*) FILTER (WHERE decision = 'twin' AND canonical_run_id = live_run_id AND ours = 0), count(*)
  FROM demo.judged WHERE live_run_id IS NOT NULL AND pair_group IS NULL
  UNION ALL
  SELECT 2, 'identical-runs', 'of identical runs with one live row, one is linked and the other has a row by us', count(*),
         count(*) FILTER (WHERE twins = live_rows AND projected = runs - live_rows), count(*)
  FROM pair_group
  UNION ALL
  SELECT 3, 'stragglers-projected', 'each owner''s run that only the legacy table recorded has its one canonical row by us', count(*),
         count(*) FILTER (WHERE decision = 'projected' AND ours = 1 AND run_exists), count(*)
  FROM demo.judged WHERE path IN ('old pod', 'failed live write') AND pair_group IS NULL
  UNION ALL
  SELECT 4, 'stragglers-named', 'of the projected runs, exactly those that the live path missed are named stragglers; older ones are history', count(*),
         count(*) FILTER (WHERE reason = must), count(*) FILTER (WHERE must = 'straggler')
  FROM named
  UNION ALL
  SELECT 5, 'weak-left-to-a-person', 'what nothing but the time has in common is not linked, and says so', count(*),
         count(*) FILTER (WHERE decision = 'projected' AND reason = 'weak_fingerprint' AND ours = 1), count(*)
  FROM demo.judged WHERE path = 'unknown'
  UNION ALL
  SELECT 6, 'late-absorbed', 'a live row that came after the projection took its place; the row by us is gone', count(*),
         count(*) FILTER (WHERE j.decision = 'twin' AND j.canonical_run_id = j.live_run_id AND j.ours = 0 AND r.id IS NULL), count(*)
  FROM demo.late_live_run w JOIN demo.judged j USING (legacy_id) LEFT JOIN agent_compliance_runs r ON r.id = w.projected_run_id
  UNION ALL
  SELECT 7, 'live-rows-untouched', 'each row of the live path is byte-identical to when it was written', count(*), count(*) FILTER (WHERE hash = hash_now), count(*)
  FROM linked
  UNION ALL
  SELECT 8, 'live-rows-alone', 'no live row is linked to a run that it does not record', 0, count(*) FILTER (WHERE linked_to IS NOT NULL), count(*)
  FROM linked WHERE legacy_id IS NULL
)
SELECT n, id, claim, expected::text AS expected, found::text AS found, looked_at::integer AS looked_at FROM checks ORDER BY n
