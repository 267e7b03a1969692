-- What became of records, and of the keys $2 (one per record).
SELECT q.id, q.partition, q."offset", q.reason, q.detail, q.attempts, q.healed_at IS NOT NULL AS closed,
       k.legacy_id, l.decision, l.reason AS decision_reason, l.canonical_run_id
FROM unnest($1::bigint[], $2::uuid[]) AS k (id, legacy_id)
JOIN history_cdc.quarantine q ON q.id = k.id
LEFT JOIN history_cdc.ledger l ON l.legacy_id = k.legacy_id
ORDER BY q.id
