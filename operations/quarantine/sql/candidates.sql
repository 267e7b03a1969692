-- The next records with which a retry may begin, by id. $1: the last id before them. $2: reason. $3: legacy id. $4: ids
-- (NULL: all that are open; a closed or waived record must be named). $5: the maximum number.
SELECT q.id, q.legacy_id, q.topic_id, q.partition, q."offset", q.reason, q.detail, q.attempts,
       q.healed_at IS NOT NULL AS closed
FROM history_cdc.quarantine q
WHERE q.id > $1::bigint
  AND ($2::text IS NULL OR q.reason = $2) AND ($3::uuid IS NULL OR q.legacy_id = $3)
  AND CASE WHEN $4::bigint[] IS NULL THEN q.healed_at IS NULL AND q.waived_at IS NULL ELSE q.id = ANY ($4::bigint[]) END
ORDER BY q.id
LIMIT $5::bigint
