-- The log of what people did, the newest first. $1 the maximum number
SELECT id, at, role, host(address) AS address, performed_by, command, options, counts
FROM history_cdc.action
ORDER BY id DESC
LIMIT $1::bigint
