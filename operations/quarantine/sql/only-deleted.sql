-- Marks keys as `gone` that have no parked record any more and of which only a delete was ever read.
UPDATE history_cdc.ledger l SET decision = 'gone', reason = 'deleted_before_seen'
WHERE l.legacy_id = ANY ($1::uuid[]) AND l.decision = 'quarantined' AND l.op = 'd'
  AND NOT EXISTS (SELECT FROM history_cdc.quarantine q WHERE q.legacy_id = l.legacy_id AND q.healed_at IS NULL)
