-- Moves the position of rows that a snapshot read as the ledger has them. Nothing else changes. `decided_at` stays,
-- because a later time would open the grace window of the decision again.
WITH event AS MATERIALIZED (
  SELECT *
  FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::bigint[], $5::bigint[], $6::text[], $7::boolean[])
         AS e (legacy_id, topic_id, partition, "offset", lsn, op, snapshot)
),
recorded AS (
  UPDATE history_cdc.ledger l
  SET topic_id = e.topic_id, partition = e.partition, "offset" = e."offset", lsn = '0/0'::pg_lsn + e.lsn, op = e.op,
      snapshot = e.snapshot
  FROM event e
  WHERE l.legacy_id = e.legacy_id
    AND (l.topic_id <> e.topic_id OR (l.partition = e.partition AND l."offset" < e."offset"))
  RETURNING 1
)
SELECT 0 AS runs_inserted, 0 AS runs_updated, (SELECT count(*) FROM recorded)::integer AS ledger_written
