-- What contradicts an answer that all is well: rows that were known when the question was asked, and whose fate did not
-- change meanwhile. A live row that commits late takes its place some seconds later, so those pairs are left out.
WITH copies AS MATERIALIZED (
  SELECT observations_json ->> 'backfill_source_id' AS legacy_id, count(*) AS copies
  FROM agent_compliance_runs WHERE observations_json ->> 'backfill_script' = 'history-cdc' GROUP BY 1
), fate AS (
  SELECT k.*, l.decision, l.canonical_run_id, r.id IS NOT NULL AS run_exists,
         coalesce(o.copies, 0) AS ours
  FROM demo.known k
       JOIN demo.expected e ON e.legacy_id = k.legacy_id AND e.decisions = k.decisions
       LEFT JOIN history_cdc.ledger l ON l.legacy_id = k.legacy_id
       LEFT JOIN agent_compliance_runs r ON r.id = l.canonical_run_id
       LEFT JOIN copies o ON o.legacy_id = k.legacy_id::text
  -- `status` and `reconcile` both count a parked record as parked, so it is no lie.
  WHERE k.path <> 'late' AND l.decision IS DISTINCT FROM 'quarantined'
)
SELECT CASE
         WHEN decision IS NULL THEN 'lost: not in the ledger'
         WHEN ours > 1 OR ours = 1 AND decision <> 'projected' THEN 'doubled'
         WHEN NOT decisions && '{projected,twin,adopted}' AND (ours > 0 OR canonical_run_id IS NOT NULL) THEN 'elevated'
         WHEN decision <> ALL (decisions) THEN 'decided as ' || decision
         WHEN decision = 'twin' AND pair_group IS NULL AND canonical_run_id IS DISTINCT FROM live_run_id THEN 'wrongly linked'
         WHEN decision IN ('projected', 'twin', 'adopted') AND NOT run_exists THEN 'lost: no canonical row'
       END AS lie, legacy_id
FROM fate
WHERE decision IS NULL OR ours > 1 OR ours = 1 AND decision <> 'projected' OR decision <> ALL (decisions)
   OR decision = 'twin' AND pair_group IS NULL AND canonical_run_id IS DISTINCT FROM live_run_id
   OR decision IN ('projected', 'twin', 'adopted') AND NOT run_exists
   OR NOT decisions && '{projected,twin,adopted}' AND (ours > 0 OR canonical_run_id IS NOT NULL)
LIMIT 50
