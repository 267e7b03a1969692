-- Locks the rows, so that their state cannot change between this check and the change.
SELECT id, CASE WHEN healed_at IS NOT NULL THEN 'healed' WHEN waived_at IS NOT NULL THEN 'waived' ELSE 'open' END AS state
FROM history_cdc.quarantine
WHERE id = ANY ($1::bigint[])
ORDER BY id
FOR UPDATE
