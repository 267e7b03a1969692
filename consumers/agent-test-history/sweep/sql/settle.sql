-- Settles pairs of twins when every partition has been projected beyond their start plus $1, by the source's own clock.
-- $1 match window and margin, in microseconds
WITH current AS (
  SELECT topic_id, partitions FROM history_cdc.topic ORDER BY generation DESC LIMIT 1
),
stream AS (
  SELECT min(o.streamed_until) AS until
  FROM history_cdc.consumer_offset o
  JOIN current n ON n.topic_id = o.topic_id
  GROUP BY n.partitions
  HAVING count(o.streamed_until) = n.partitions
)
DELETE FROM history_cdc.unsettled_twin u
USING stream s
WHERE u.tested_at < s.until - $1::bigint * interval '1 microsecond'
