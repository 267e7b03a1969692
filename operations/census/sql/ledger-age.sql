-- When the ledger took its last decision, in microseconds since 1970; NULL where it is empty.
SELECT (extract(epoch FROM max(decided_at)) * 1000000)::bigint AS decided_us FROM history_cdc.ledger
