-- What is not healed of these keys in one partition, and which of the records $4 (without a key) are not.
SELECT id FROM history_cdc.quarantine
WHERE healed_at IS NULL AND topic_id = $1 AND partition = $2
  AND (legacy_id = ANY ($3::uuid[]) OR (legacy_id IS NULL AND id = ANY ($4::bigint[])))
