-- Removes the content of parked records that were healed or waived $1 days ago, at most $2 records. Hash and size stay.
-- A record that another transaction has locked is left for the next sweep.
WITH settled AS (
  SELECT q.id
  FROM history_cdc.quarantine q
  WHERE q.record_value IS NOT NULL
    AND coalesce(q.healed_at, q.waived_at) < clock_timestamp() - $1::integer * interval '1 day'
  ORDER BY coalesce(q.healed_at, q.waived_at)
  LIMIT $2::bigint
  FOR UPDATE SKIP LOCKED
)
UPDATE history_cdc.quarantine q
SET value_hash = sha256(q.record_value), value_bytes = octet_length(q.record_value), record_value = NULL,
    erased_at = clock_timestamp()
FROM settled s
WHERE q.id = s.id
