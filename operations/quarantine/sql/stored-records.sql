-- Parked records with their bytes, in the order of their partition, and the delete of the key just before each.
SELECT id, reason, detail, record_value IS NULL AND value_hash IS NOT NULL AS is_unkept, topic_id, partition, "offset", legacy_id, record_key, record_value,
       delete_before_offset, (delete_before_lsn - '0/0'::pg_lsn)::bigint AS delete_before_lsn, delete_before_snapshot,
       (extract(epoch FROM delete_before_at) * 1000)::bigint AS delete_before_at_ms
FROM history_cdc.quarantine
WHERE id = ANY ($1::bigint[]) AND healed_at IS NULL
ORDER BY "offset"
