-- Up to when (the source's own time) every partition of the topic is projected; no row where one of them has not
-- streamed at all.
WITH current AS (
  SELECT topic_id, partitions FROM history_cdc.topic ORDER BY generation DESC LIMIT 1
)
SELECT min(o.streamed_until)::text AS until
FROM history_cdc.consumer_offset o
JOIN current n ON n.topic_id = o.topic_id
GROUP BY n.partitions
HAVING count(o.streamed_until) = n.partitions
