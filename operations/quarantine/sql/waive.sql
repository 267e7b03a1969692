-- The key stays `quarantined`. A later complete event still heals the record.
UPDATE history_cdc.quarantine SET waived_at = clock_timestamp(), waived_by = $2, waive_reason = $3
WHERE id = ANY ($1::bigint[])
