-- A complete event has decided these keys: what was parked of them before is of no more importance.
UPDATE history_cdc.quarantine SET healed_at = clock_timestamp()
WHERE legacy_id = ANY ($1::uuid[]) AND healed_at IS NULL
