-- Twins whose pair may still change, and of them those that a sweep should have settled by now, by the source's own clock.
-- $1 the time after a row's start, in microseconds, from which it should be
WITH newest AS (
  SELECT topic_id, partitions FROM history_cdc.topic ORDER BY first_seen DESC LIMIT 1
),
stream AS (
  SELECT min(o.streamed_until) AS until
  FROM history_cdc.consumer_offset o
  JOIN newest n ON n.topic_id = o.topic_id
  GROUP BY n.partitions
  HAVING count(o.streamed_until) = n.partitions
)
SELECT count(*)::float8 AS unsettled,
       count(*) FILTER (WHERE t.tested_at < (SELECT until FROM stream) - $1::bigint * interval '1 microsecond')::float8 AS overdue
FROM history_cdc.unsettled_twin t
