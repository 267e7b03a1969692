-- How many partitions the projectors have not taken to these ends, and the topic that the ledger belongs to, if not to this
-- one: another topic, as of a wrong TOPIC_PREFIX, says nothing of what was projected, also where it is empty.
-- $1 the topic, $2 its partitions, $3 where each ends
SELECT count(*)::integer AS behind,
  (SELECT nullif(t.topic_id, $1::uuid) || ' (' || t.name || ')' FROM history_cdc.topic t ORDER BY t.generation DESC LIMIT 1) AS other
FROM unnest($2::integer[], $3::bigint[]) AS e (partition, next_offset)
WHERE NOT EXISTS (
  SELECT FROM history_cdc.consumer_offset o
  WHERE o.topic_id = $1::uuid AND o.partition = e.partition AND o.next_offset >= e.next_offset)
