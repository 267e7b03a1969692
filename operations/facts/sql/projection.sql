-- What the ledger knows of topics and positions.
SELECT json_build_object(
  'topics', (SELECT coalesce(json_agg(json_build_object('topicId', topic_id, 'name', name, 'partitions', partitions)
      ORDER BY generation), '[]') FROM history_cdc.topic),
  'offsets', (SELECT coalesce(json_agg(json_build_object(
      'topicId', topic_id, 'partition', partition, 'nextOffset', next_offset::text,
      'projector', projector,
      'secondsAgo', extract(epoch FROM clock_timestamp() - updated_at)) ORDER BY topic_id, partition), '[]')
    FROM history_cdc.consumer_offset)
) AS facts
