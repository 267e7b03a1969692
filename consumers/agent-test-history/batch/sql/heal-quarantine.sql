-- A complete event has decided these keys: what was parked of them before it is of no more importance. What was parked
-- behind it (a retry comes late) still is.
UPDATE history_cdc.quarantine q SET healed_at = clock_timestamp()
FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::bigint[]) AS e (legacy_id, topic_id, partition, "offset")
WHERE q.legacy_id = e.legacy_id AND q.healed_at IS NULL
  AND (q.topic_id <> e.topic_id OR q.partition <> e.partition OR q."offset" <= e."offset")
