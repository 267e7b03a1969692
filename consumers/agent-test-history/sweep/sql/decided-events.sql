-- The last events of rows that are still decided as they were. $1 legacy ids, $2 decisions
SELECT legacy_id, topic_id, partition, "offset", (lsn - '0/0'::pg_lsn)::bigint AS lsn, op, snapshot
FROM history_cdc.ledger
WHERE legacy_id = ANY ($1::uuid[]) AND decision = ANY ($2::text[]) AND source_deleted_at IS NULL
ORDER BY legacy_id
