-- Those of the legacy ids that have no decision in the ledger.
SELECT given.id::text AS id
FROM unnest($1::uuid[]) AS given (id)
WHERE NOT EXISTS (SELECT FROM history_cdc.ledger l WHERE l.legacy_id = given.id)
ORDER BY given.id
