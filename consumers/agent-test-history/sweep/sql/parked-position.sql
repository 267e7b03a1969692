-- The position of the last parked record of a key that waits for its key change. If the ledger's position is that
-- record, it goes back by one, so that the record can be applied as an update of the row. $1 the key
WITH parked AS (
  SELECT q.legacy_id, q.topic_id, q.partition, max(q."offset") AS "offset"
  FROM history_cdc.quarantine q
  WHERE q.legacy_id = $1::uuid AND q.healed_at IS NULL AND q.reason = 'key_changed'
  GROUP BY q.legacy_id, q.topic_id, q.partition
),
back AS (
  UPDATE history_cdc.ledger SET "offset" = "offset" - 1 WHERE legacy_id = $1::uuid AND op = '?'
)
SELECT p.legacy_id, p.topic_id, p.partition, p."offset", NULL AS lsn, 'u' AS op, false AS snapshot
FROM parked p
JOIN history_cdc.ledger l USING (legacy_id, topic_id, partition)
WHERE l."offset" < p."offset" OR (l."offset" = p."offset" AND l.op = '?')
