-- Closes records while they are retried, and counts the attempt. A record that fails again is opened when it is parked
-- again.
UPDATE history_cdc.quarantine
SET healed_at = clock_timestamp(), attempts = attempts + 1, attempted_at = clock_timestamp()
WHERE id = ANY ($1::bigint[])
