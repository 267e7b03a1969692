-- Takes the position of keys back to before their first parked record, behind which the ledger has no content of them:
-- so the order guard lets the records pass, and what they do is what they would have done in their turn.
UPDATE history_cdc.ledger l SET "offset" = k."offset" - 1
FROM unnest($1::uuid[], $2::bigint[]) AS k (legacy_id, "offset")
WHERE l.legacy_id = k.legacy_id
