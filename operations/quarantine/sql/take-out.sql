-- Closes records for the time of a retry, and counts it; one that fails again is opened when it is parked again.
UPDATE history_cdc.quarantine
SET healed_at = clock_timestamp(), attempts = attempts + 1, attempted_at = clock_timestamp()
WHERE id = ANY ($1::bigint[])
