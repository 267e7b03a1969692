-- What the ledger knows of topics and positions.
SELECT json_build_object(
  'topics', (SELECT coalesce(json_agg(json_build_object('topicId', topic_id, 'name', name, 'partitions', partitions)
      ORDER BY generation), '[]') FROM history_cdc.topic),
  'offsets', (SELECT coalesce(json_agg(json_build_object(
      'topicId', topic_id, 'partition', partition, 'nextOffset', next_offset::text,
      'projector', projector,
      -- A ledger of an earlier release has no such column.
      'lastBatch', to_jsonb(o) ->> 'last_batch',
      'secondsAgo', extract(epoch FROM clock_timestamp() - updated_at)) ORDER BY topic_id, partition), '[]')
    FROM history_cdc.consumer_offset o)
) AS facts
