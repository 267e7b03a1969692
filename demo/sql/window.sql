-- The cutover window in figures: what the ledger and the tables say, beside what was written.
WITH live AS (
  SELECT r.id, r.tested_at, l.legacy_id AS linked_to
  FROM agent_compliance_runs r LEFT JOIN history_cdc.ledger l ON l.canonical_run_id = r.id
  WHERE r.triggered_by = 'owner_test' AND r.observations_json ->> 'backfill_source' IS DISTINCT FROM 'agent_test_history'
), straggler AS (
  SELECT path, count(*) AS written, count(*) FILTER (WHERE decision = 'projected' AND ours = 1) AS found
  FROM demo.judged WHERE path IN ('old pod', 'failed live write') GROUP BY path
), figures (what, found, written) AS (
  SELECT 'twin', (SELECT count(*) FROM history_cdc.ledger WHERE decision = 'twin'), (SELECT count(*) FROM demo.judged WHERE live_run_id IS NOT NULL)
  UNION ALL
  SELECT 'late', (SELECT count(*) FROM demo.late_live_run JOIN demo.judged USING (legacy_id) WHERE decision = 'twin' AND ours = 0), (SELECT count(*) FROM demo.late_live_run)
  UNION ALL
  SELECT path, found, written FROM straggler
  UNION ALL
  SELECT 'alone', count(*) FILTER (WHERE linked_to IS NULL), (SELECT count(*) FROM demo.live_run v JOIN live USING (id) WHERE v.legacy_id IS NULL) FROM live
  UNION ALL
  SELECT 'weak', (SELECT count(*) FROM history_cdc.ledger WHERE reason = 'weak_fingerprint'), (SELECT count(*) FROM demo.judged WHERE path = 'unknown')
)
SELECT (SELECT min(tested_at) FROM live) AS first_live_at, (SELECT max(tested_at) FROM live) AS last_live_at,
       json_object_agg(what, json_build_object('found', found, 'written', written)) AS figures
FROM figures
