-- Records halves of changed primary keys. A half that is newer than the recorded one opens the pair again: the same two
-- keys were exchanged once more, and the other half is still to come. A half that is recorded already changes nothing.
-- Rows are written in the order of their keys, so that two transactions with the two halves of a pair cannot deadlock.
INSERT INTO history_cdc.key_change AS k (old_id, new_id, topic_id, deleted_offset, created_offset)
SELECT e.old_id, e.new_id, (array_agg(e.topic_id))[1], max(e."offset") FILTER (WHERE e.is_delete),
       max(e."offset") FILTER (WHERE NOT e.is_delete)
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::boolean[]) AS e (old_id, new_id, topic_id, "offset", is_delete)
GROUP BY e.old_id, e.new_id
ORDER BY e.old_id, e.new_id
ON CONFLICT (old_id, new_id) DO UPDATE SET
  topic_id = excluded.topic_id, moved_at = NULL,
  deleted_offset = coalesce(excluded.deleted_offset, CASE WHEN k.moved_at IS NULL THEN k.deleted_offset END),
  created_offset = coalesce(excluded.created_offset, CASE WHEN k.moved_at IS NULL THEN k.created_offset END)
WHERE k.topic_id <> excluded.topic_id
   OR coalesce(k.deleted_offset < excluded.deleted_offset, k.deleted_offset IS NULL AND excluded.deleted_offset IS NOT NULL)
   OR coalesce(k.created_offset < excluded.created_offset, k.created_offset IS NULL AND excluded.created_offset IS NOT NULL)
