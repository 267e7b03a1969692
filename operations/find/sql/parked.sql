-- The rows of which a record waits in quarantine: from the open records to their rows, because records are few and rows are
-- many. Parameters as in selected.sql, without $9
SELECT l.started_at::text AS started_at, l.legacy_id, l.agent_url, l.organization_id,
       l.user_id, l.decision, l.reason, l.canonical_run_id, l.source_deleted_at::text AS source_deleted_at
FROM (SELECT DISTINCT q.legacy_id FROM history_cdc.quarantine q
      WHERE q.healed_at IS NULL AND q.waived_at IS NULL AND q.legacy_id IS NOT NULL) AS waiting
JOIN history_cdc.ledger l ON l.legacy_id = waiting.legacy_id
WHERE ($4::text[] IS NULL OR l.agent_url = ANY ($4))
  AND ($5::text IS NULL OR l.organization_id = $5)
  AND ($6::text IS NULL OR l.user_id = $6)
  AND ($7::text IS NULL OR l.decision = $7)
  AND ($8::text IS NULL OR l.reason = $8)
  AND (coalesce(l.started_at, '-infinity'::timestamptz), l.legacy_id) < ($1::timestamptz, $2::uuid)
  AND ($3::timestamptz IS NULL OR coalesce(l.started_at, '-infinity'::timestamptz) >= $3)
ORDER BY coalesce(l.started_at, '-infinity'::timestamptz) DESC, l.legacy_id DESC
LIMIT $9::integer
