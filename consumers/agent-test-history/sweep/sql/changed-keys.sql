-- Changes of primary keys that can be carried out now: both halves were read, the old key is not itself the new key of
-- another open change, the ledger's position of the old key is its delete, and the new key has no canonical row yet.
SELECT k.old_id, k.new_id
FROM history_cdc.key_change k
JOIN history_cdc.ledger o ON o.legacy_id = k.old_id
JOIN history_cdc.ledger n ON n.legacy_id = k.new_id
WHERE k.moved_at IS NULL AND k.deleted_offset IS NOT NULL AND k.created_offset IS NOT NULL
  AND o.op = 'd' AND o.topic_id = k.topic_id AND o."offset" = k.deleted_offset
  AND n.canonical_run_id IS NULL AND n.topic_id = k.topic_id
  AND NOT EXISTS (
    SELECT FROM history_cdc.key_change before
    WHERE before.new_id = k.old_id AND before.moved_at IS NULL AND before.created_offset < k.deleted_offset)
ORDER BY k.recorded_at, k.old_id, k.new_id
LIMIT 500
