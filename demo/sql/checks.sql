-- The checks, one row each: what must be, what is, and how many rows were looked at. A check that looked at nothing
-- has not passed. $1: the connector's placeholder for a value that an event leaves out.
WITH our_run AS (
  SELECT id, observations_json ->> 'backfill_source_id' AS legacy_id, headline, agent_profile_json
  FROM agent_compliance_runs WHERE observations_json ->> 'backfill_script' = 'history-cdc'
), checks (n, id, claim, expected, found, looked_at) AS (
  SELECT 1, 'ledger-complete', 'every legacy row that was ever written has one decision', count(*), count(decision), count(*) FROM demo.judged
  UNION ALL
  SELECT 2, 'ledger-covers-table', 'every row in the legacy table now is in the ledger', count(*), count(l.legacy_id), count(*)
  FROM agent_test_history h LEFT JOIN history_cdc.ledger l ON l.legacy_id = h.id
  UNION ALL
  SELECT 3, 'ledger-invents-nothing', 'no decision on a row that was never written', 0, count(*) FILTER (WHERE e.legacy_id IS NULL), count(*)
  FROM history_cdc.ledger l LEFT JOIN demo.expected e ON e.legacy_id = l.legacy_id
  UNION ALL
  SELECT 4, 'identity', 'rows written = sum over the decisions', (SELECT count(*) FROM demo.expected), coalesce(sum(rows), 0), coalesce(sum(rows), 0)
  FROM (SELECT count(*) AS rows FROM history_cdc.ledger
        WHERE decision IN ('projected', 'twin', 'adopted', 'third_party', 'anonymous', 'opted_out', 'orphaned', 'gone', 'quarantined')
        GROUP BY decision) AS counted
  UNION ALL
  SELECT 5, 'decisions-as-generated', 'each decision is the one that the generator meant', count(*), count(*) FILTER (WHERE decision = ANY (decisions)), count(*) FROM demo.judged
  UNION ALL
  SELECT 6, 'decisions-recomputed', 'each decision follows from the application''s tables as they are now', count(*), count(*) FILTER (WHERE decision = decision_now), count(*)
  FROM demo.judged WHERE living AND NOT settled
  UNION ALL
  SELECT 7, 'projected-content', 'each projected row has one canonical row, equal in every field', count(*), count(*) FILTER (WHERE content_equal AND ours = 1), count(*)
  FROM demo.judged WHERE decision = 'projected'
  UNION ALL
  SELECT 8, 'adopted-content', 'each adopted row is linked to the script''s first copy, equal in every field', count(*),
         count(*) FILTER (WHERE content_equal AND canonical_run_id::text = first_by_script), count(*)
  FROM demo.judged WHERE decision = 'adopted'
  UNION ALL
  SELECT 9, 'lost', 'no owner''s run is without its canonical row', 0, count(*) FILTER (WHERE NOT run_exists), count(*)
  FROM demo.judged WHERE decisions <@ '{projected,adopted,twin}'
  UNION ALL
  SELECT 10, 'doubled', 'no run has two canonical rows: two of ours, or ours beside another''s', 0,
         count(*) FILTER (WHERE ours > 1 OR ours = 1 AND (first_by_script IS NOT NULL OR decision = 'twin' OR decisions = '{twin}')), count(*)
  FROM demo.judged WHERE ours > 0
  UNION ALL
  SELECT 11, 'elevated', 'nobody but an owner has a canonical row through us', 0, count(*) FILTER (WHERE j.legacy_id IS NULL OR NOT j.decisions && '{projected,twin}'), count(*)
  FROM our_run r LEFT JOIN demo.judged j ON j.legacy_id::text = r.legacy_id
  UNION ALL
  SELECT 12, 'linked-one-to-one', 'each canonical row of ours is linked by the one decision that it stands for', count(*), count(l.legacy_id), count(*)
  FROM our_run r LEFT JOIN history_cdc.ledger l ON l.canonical_run_id = r.id AND l.legacy_id::text = r.legacy_id AND l.decision = 'projected'
  UNION ALL
  SELECT 13, 'deleted-kept', 'a deleted legacy row is marked, and keeps decision and canonical row', count(*),
         count(*) FILTER (WHERE marked_deleted AND (decision NOT IN ('projected', 'adopted', 'twin') OR run_exists)), count(*)
  FROM demo.judged WHERE NOT living
  UNION ALL
  SELECT 14, 'living-unmarked', 'no living legacy row is marked as deleted', 0, count(*) FILTER (WHERE marked_deleted), count(*) FROM demo.judged WHERE living
  UNION ALL
  SELECT 15, 'merged-large', 'a merge that left a large profile out of its event kept the profile', count(*), count(*) FILTER (WHERE content_equal), count(*)
  FROM demo.judged WHERE large AND story LIKE 'merged%' AND decision = 'projected'
  UNION ALL
  SELECT 16, 'kept-after-merge', 'an owner''s run merged to an agent that is not theirs keeps its canonical row', count(*),
         count(*) FILTER (WHERE decision = 'projected' AND content_equal OR decision = 'twin' AND canonical_run_id = live_run_id AND run_exists), count(*)
  FROM demo.judged WHERE settled
  UNION ALL
  SELECT 17, 'no-placeholder', 'no stored value is the placeholder of a value left out', 0,
         count(*) FILTER (WHERE strpos(concat(legacy_id, headline, agent_profile_json::text), $1) > 0), count(*) FROM our_run
  UNION ALL
  SELECT 18, 'quarantine-empty', 'no record had to be put aside', 0, (SELECT count(*) FROM history_cdc.quarantine WHERE healed_at IS NULL), count(*) FROM history_cdc.ledger
)
SELECT n::integer AS n, id, claim, expected::text AS expected, found::text AS found, looked_at::integer AS looked_at FROM checks
UNION ALL
SELECT 20 + row_number() OVER (ORDER BY f.subject COLLATE "C")::integer, 'untouched: ' || f.subject, 'byte-identical to before the connector started',
       to_char(f.rows, 'FM999,999,999') || ' rows ' || left(f.hash, 12), to_char(now.rows, 'FM999,999,999') || ' rows ' || left(now.hash, 12), now.rows::integer
FROM demo.fingerprint f JOIN demo.fingerprint_now now USING (subject)
ORDER BY n
