-- The same rows, found by what the search names, however old they are. The inner statement is not to be walked in the order
-- of time, so it is materialized. Parameters as in newest.sql, without $3
WITH named AS MATERIALIZED (
  SELECT coalesce(l.started_at, '-infinity'::timestamptz) AS at, l.legacy_id
  FROM history_cdc.ledger l
  WHERE ($4::text[] IS NULL OR l.agent_url = ANY ($4))
    AND ($5::text IS NULL OR l.organization_id = $5)
    AND ($6::text IS NULL OR l.user_id = $6)
    AND ($7::text IS NULL OR l.decision = $7)
    AND ($8::text IS NULL OR l.reason = $8)
    AND ($9::boolean IS NULL OR $9 = (l.legacy_id IN (
      SELECT q.legacy_id FROM history_cdc.quarantine q
      WHERE q.healed_at IS NULL AND q.waived_at IS NULL AND q.legacy_id IS NOT NULL)))
), page AS MATERIALIZED (
  SELECT n.legacy_id FROM named n
  WHERE (n.at, n.legacy_id) < ($1::timestamptz, $2::uuid) AND ($3::timestamptz IS NULL OR n.at >= $3)
  ORDER BY n.at DESC, n.legacy_id DESC
  LIMIT $10::integer
)
SELECT l.started_at::text AS started_at, l.legacy_id, l.agent_url, l.organization_id,
       l.user_id, l.decision, l.reason, l.canonical_run_id, l.source_deleted_at::text AS source_deleted_at
FROM page p JOIN history_cdc.ledger l ON l.legacy_id = p.legacy_id
ORDER BY coalesce(l.started_at, '-infinity'::timestamptz) DESC, l.legacy_id DESC
