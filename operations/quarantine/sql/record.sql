-- One parked record with its bytes, and what the ledger has for its key.
SELECT q.id, t.name AS topic, q.topic_id, q.partition, q."offset", q.legacy_id, q.reason, q.detail, q.quarantined_at,
       q.attempts, q.attempted_at, q.healed_at, q.waived_at, q.waived_by, q.waive_reason,
       octet_length(q.record_key) AS key_bytes, coalesce(octet_length(q.record_value), q.value_bytes)::integer AS value_bytes,
       encode(q.value_hash, 'hex') AS value_sha256, q.erased_at,
       CASE WHEN q.healed_at IS NOT NULL THEN 'healed' WHEN q.waived_at IS NOT NULL THEN 'waived' ELSE 'open' END AS state,
       q.record_key, q.record_value,
       to_jsonb(l) AS ledger
FROM history_cdc.quarantine q
LEFT JOIN history_cdc.topic t USING (topic_id)
LEFT JOIN history_cdc.ledger l ON l.legacy_id = q.legacy_id
WHERE q.id = $1
