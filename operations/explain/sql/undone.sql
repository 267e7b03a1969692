-- What `undo` removed of a legacy row, if the row has not been decided since. $1: the legacy id
SELECT u.undone_at::text AS undone_at, u.run_id AS canonical_run_id, u.ledger ->> 'reason' AS reason,
       u.ledger ->> 'decided_at' AS decided_at, u.ledger ->> 'topic_id' AS topic_id,
       (u.ledger ->> 'partition')::integer AS partition, u.ledger ->> 'offset' AS "offset",
       u.ledger ->> 'source_deleted_at' AS source_deleted_at
FROM history_cdc.undone u
WHERE u.legacy_id = $1::uuid AND NOT EXISTS (SELECT FROM history_cdc.ledger l WHERE l.legacy_id = u.legacy_id)
