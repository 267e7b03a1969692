-- The last events of those rows whose decision is still one of $2. $1 legacy ids, $2 decisions
SELECT legacy_id, topic_id, partition, "offset", (lsn - '0/0'::pg_lsn)::bigint AS lsn, op, snapshot
FROM history_cdc.ledger
WHERE legacy_id = ANY ($1::uuid[]) AND decision = ANY ($2::text[]) AND source_deleted_at IS NULL
ORDER BY legacy_id
