-- Marks legacy rows as deleted. They keep their decision and their canonical row. A row that was deleted before it was
-- ever seen becomes `gone`, because only its key is known.
WITH event AS MATERIALIZED (
  SELECT *
  FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::bigint[], $5::bigint[], $6::boolean[], $7::timestamptz[])
         AS e (legacy_id, topic_id, partition, "offset", lsn, snapshot, deleted_at)
),
recorded AS (
  INSERT INTO history_cdc.ledger AS l (
    legacy_id, decision, reason, rule_version, topic_id, partition, "offset", lsn, op, snapshot, source_deleted_at
  )
  SELECT e.legacy_id, 'gone', 'deleted_before_seen', $8::smallint, e.topic_id, e.partition, e."offset",
         '0/0'::pg_lsn + e.lsn, 'd', e.snapshot, e.deleted_at
  FROM event e
  ON CONFLICT (legacy_id) DO UPDATE SET
    topic_id = excluded.topic_id, partition = excluded.partition,
    "offset" = excluded."offset", lsn = excluded.lsn, op = excluded.op, snapshot = excluded.snapshot,
    source_deleted_at = excluded.source_deleted_at
  WHERE (l.topic_id <> excluded.topic_id OR (l.partition = excluded.partition AND l."offset" < excluded."offset"))
  RETURNING 1
)
SELECT 0 AS runs_inserted, 0 AS runs_updated, (SELECT count(*) FROM recorded)::integer AS ledger_written
