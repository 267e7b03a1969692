-- The records of these keys in one partition that are not healed, and those of the records $4 (without a key) that are
-- not healed.
SELECT id FROM history_cdc.quarantine
WHERE healed_at IS NULL AND topic_id = $1 AND partition = $2
  AND (legacy_id = ANY ($3::uuid[]) OR (legacy_id IS NULL AND id = ANY ($4::bigint[])))
