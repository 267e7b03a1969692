-- Parked records with their bytes, in the order of their partition.
SELECT id, topic_id, partition, "offset", legacy_id, record_key, record_value
FROM history_cdc.quarantine
WHERE id = ANY ($1::bigint[]) AND healed_at IS NULL
ORDER BY "offset"
