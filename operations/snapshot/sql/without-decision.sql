-- Of these legacy ids, those that the ledger has no decision on.
SELECT given.id::text AS id
FROM unnest($1::uuid[]) AS given (id)
WHERE NOT EXISTS (SELECT FROM history_cdc.ledger l WHERE l.legacy_id = given.id)
ORDER BY given.id
