-- Parked records in the order in which they were parked. $1: reason, $2: legacy id, $3: false for open records only
-- (NULL or true is no condition), $4: the maximum number.
SELECT q.id, t.name AS topic, q.topic_id, q.partition, q."offset", q.legacy_id, q.reason, q.detail, q.quarantined_at,
       q.attempts, q.attempted_at, q.healed_at, q.waived_at, q.waived_by, q.waive_reason,
       octet_length(q.record_key) AS key_bytes, coalesce(octet_length(q.record_value), q.value_bytes)::integer AS value_bytes,
       encode(q.value_hash, 'hex') AS value_sha256, q.erased_at,
       CASE WHEN q.healed_at IS NOT NULL THEN 'healed' WHEN q.waived_at IS NOT NULL THEN 'waived' ELSE 'open' END AS state
FROM history_cdc.quarantine q
LEFT JOIN history_cdc.topic t USING (topic_id)
WHERE ($1::text IS NULL OR q.reason = $1) AND ($2::uuid IS NULL OR q.legacy_id = $2)
  AND ($3::boolean OR (q.healed_at IS NULL AND q.waived_at IS NULL))
ORDER BY q.id
LIMIT $4::bigint
