-- The last writes to the legacy table that the stream has shown, of the topic to which the ledger belongs, and since when all
-- its partitions are watched: NULL where one of them was never claimed, or was claimed last by a projector that does not
-- keep them.
WITH topic AS (
  SELECT topic_id, partitions FROM history_cdc.topic ORDER BY generation DESC LIMIT 1
),
last AS (
  SELECT DISTINCT ON (w.kind) w.kind, w.legacy_id, w.columns, w.source_at, w.seen_at
  FROM history_cdc.legacy_write w JOIN topic USING (topic_id)
  ORDER BY w.kind, greatest(w.source_at, w.seen_at) DESC
)
SELECT (SELECT CASE WHEN count(*) FILTER (WHERE o.watched_epoch = o.epoch) = max(t.partitions) THEN max(o.watched_since) END
        FROM topic t JOIN history_cdc.consumer_offset o USING (topic_id)) AS "watchedSince",
       (SELECT row_to_json(l) FROM last l WHERE l.kind = 'owner_insert') AS "ownerInsert",
       (SELECT row_to_json(l) FROM last l WHERE l.kind = 'update') AS "update",
       (SELECT count(*) FROM topic)::integer AS topics
