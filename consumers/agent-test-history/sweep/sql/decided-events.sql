-- The last events of rows that are still decided as strangers' runs.
SELECT legacy_id, topic_id, partition, "offset", (lsn - '0/0'::pg_lsn)::bigint AS lsn, op, snapshot
FROM history_cdc.ledger
WHERE legacy_id = ANY ($1::uuid[]) AND decision = 'third_party' AND source_deleted_at IS NULL
ORDER BY legacy_id
