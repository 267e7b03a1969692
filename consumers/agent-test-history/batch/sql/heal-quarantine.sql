-- Closes the parked records of keys that a complete event has decided, up to that event. Records that were parked after
-- it stay open, because a retry may come late.
UPDATE history_cdc.quarantine q SET healed_at = clock_timestamp()
FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::bigint[]) AS e (legacy_id, topic_id, partition, "offset")
WHERE q.legacy_id = e.legacy_id AND q.healed_at IS NULL
  AND (q.topic_id <> e.topic_id OR q.partition <> e.partition OR q."offset" <= e."offset")
