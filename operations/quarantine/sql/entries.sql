-- The ledger rows of these keys, with the columns that a retry needs.
SELECT legacy_id, decision, topic_id, partition, "offset", op, (lsn - '0/0'::pg_lsn)::bigint AS lsn, snapshot,
       (extract(epoch FROM source_deleted_at) * 1000)::bigint AS deleted_at_ms
FROM history_cdc.ledger
WHERE legacy_id = ANY ($1::uuid[])
