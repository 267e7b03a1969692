-- How many partitions the projectors have not taken to these ends.
-- $1 the topic, $2 its partitions, $3 where each ends
SELECT count(*)::integer AS behind
FROM unnest($2::integer[], $3::bigint[]) AS e (partition, next_offset)
WHERE NOT EXISTS (
  SELECT FROM history_cdc.consumer_offset o
  WHERE o.topic_id = $1::uuid AND o.partition = e.partition AND o.next_offset >= e.next_offset)
