-- The newest rows of the ledger after a place, of which the search keeps what it looks for. It walks at most $3 rows.
-- $1, $2 the place: start and legacy id of the last row of the page before; $3 rows to walk; $4 the earliest start;
-- $5 agent URLs; $6 organisation; $7 user; $8 decision; $9 reason; $10 parked or not; $11 rows to return. NULL: any
SELECT l.started_at::text AS started_at, l.legacy_id, l.agent_url, l.organization_id,
       l.user_id, l.decision, l.reason, l.canonical_run_id, l.source_deleted_at::text AS source_deleted_at
FROM (
  SELECT w.* FROM history_cdc.ledger w
  WHERE (coalesce(w.started_at, '-infinity'::timestamptz), w.legacy_id) < ($1::timestamptz, $2::uuid)
    AND ($4::timestamptz IS NULL OR coalesce(w.started_at, '-infinity'::timestamptz) >= $4)
  ORDER BY coalesce(w.started_at, '-infinity'::timestamptz) DESC, w.legacy_id DESC
  LIMIT $3::bigint
) AS l
WHERE ($5::text[] IS NULL OR l.agent_url = ANY ($5))
  AND ($6::text IS NULL OR l.organization_id = $6)
  AND ($7::text IS NULL OR l.user_id = $7)
  AND ($8::text IS NULL OR l.decision = $8)
  AND ($9::text IS NULL OR l.reason = $9)
  AND ($10::boolean IS NULL OR $10 = (l.legacy_id IN (
    SELECT q.legacy_id FROM history_cdc.quarantine q
    WHERE q.healed_at IS NULL AND q.waived_at IS NULL AND q.legacy_id IS NOT NULL)))
ORDER BY coalesce(l.started_at, '-infinity'::timestamptz) DESC, l.legacy_id DESC
LIMIT $11::integer
