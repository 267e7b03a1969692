-- Removes the content of parked records that contain the user id, as JSON or as Avro writes it. Hash and size stay.
-- $1 the text in JSON, $2 the text in Avro
UPDATE history_cdc.quarantine q
SET value_hash = sha256(q.record_value), value_bytes = octet_length(q.record_value), record_value = NULL,
    erased_at = clock_timestamp()
WHERE position($1::bytea IN q.record_value) > 0 OR position($2::bytea IN q.record_value) > 0
RETURNING q.id, q.healed_at IS NULL AND q.waived_at IS NULL AS is_open
