-- The records of these keys that are not healed, and the records $2 (without a key), without their bytes. The records
-- of a key are one story: the effect of the second depends on the first.
SELECT q.id, q.legacy_id, q.topic_id, q.partition,
       coalesce(octet_length(q.record_key), 0) + coalesce(octet_length(q.record_value), 0) AS bytes
FROM history_cdc.quarantine q
WHERE q.healed_at IS NULL AND (q.legacy_id = ANY ($1::uuid[]) OR (q.legacy_id IS NULL AND q.id = ANY ($2::bigint[])))
ORDER BY q.topic_id, q.partition, q."offset"
