-- The last owner's insert and the last update of each partition (migrations/0033-soak.sql). A record that was read again
-- changes nothing. At most one row per partition and kind.
INSERT INTO history_cdc.legacy_write AS w (topic_id, partition, kind, "offset", legacy_id, columns, source_at)
SELECT e.topic_id, e.partition, e.kind, e."offset", e.legacy_id, string_to_array(e.columns, ','), e.source_at
FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::bigint[], $5::uuid[], $6::text[], $7::timestamptz[])
       AS e (topic_id, partition, kind, "offset", legacy_id, columns, source_at)
ON CONFLICT (topic_id, partition, kind) DO UPDATE SET
  "offset" = excluded."offset", legacy_id = excluded.legacy_id, columns = excluded.columns,
  source_at = excluded.source_at, seen_at = clock_timestamp()
WHERE w."offset" < excluded."offset"
