-- The next rows of the ledger by id. $1 the last id before, $2 rows
SELECT legacy_id, decision, source_deleted_at IS NOT NULL OR decision = 'gone' AS deletion_seen
FROM history_cdc.ledger
WHERE $1::uuid IS NULL OR legacy_id > $1::uuid
ORDER BY legacy_id
LIMIT $2
