-- Moves the position of keys back to before their first parked record. The ledger has no later content of these keys.
-- So the guard lets the records pass, and they have the effect that they would have had in their turn.
UPDATE history_cdc.ledger l SET "offset" = k."offset" - 1
FROM unnest($1::uuid[], $2::bigint[]) AS k (legacy_id, "offset")
WHERE l.legacy_id = k.legacy_id
