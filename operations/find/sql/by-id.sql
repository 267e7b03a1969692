-- Rows whose legacy id or canonical id begins like this, also canonical rows that no legacy row is linked to, and rows that
-- `undo` took back. $1 the lowest id, $2 the highest id, $3 rows to return
SELECT l.started_at::text AS started_at, l.legacy_id, l.agent_url, l.organization_id, l.user_id, l.decision, l.reason,
       l.canonical_run_id, l.source_deleted_at::text AS source_deleted_at
FROM (
  SELECT a.legacy_id FROM history_cdc.ledger a WHERE a.legacy_id BETWEEN $1::uuid AND $2::uuid
  UNION
  SELECT b.legacy_id FROM history_cdc.ledger b WHERE b.canonical_run_id BETWEEN $1::uuid AND $2::uuid
) AS found
JOIN history_cdc.ledger l ON l.legacy_id = found.legacy_id
UNION ALL
SELECT u.tested_at::text, u.legacy_id, u.ledger ->> 'agent_url', u.ledger ->> 'organization_id', u.ledger ->> 'user_id',
       'undone', u.ledger ->> 'reason', u.run_id, u.ledger ->> 'source_deleted_at'
FROM history_cdc.undone u
WHERE (u.legacy_id BETWEEN $1::uuid AND $2::uuid OR u.run_id BETWEEN $1::uuid AND $2::uuid)
  AND NOT EXISTS (SELECT FROM history_cdc.ledger l WHERE l.legacy_id = u.legacy_id)
UNION ALL
SELECT r.tested_at::text, NULL, r.agent_url::text, r.triggered_org_id::text, NULL, 'canonical only', r.triggered_by::text, r.id, NULL
FROM public.agent_compliance_runs r
WHERE r.id BETWEEN $1::uuid AND $2::uuid
  AND NOT EXISTS (SELECT FROM history_cdc.ledger l WHERE l.canonical_run_id = r.id)
  AND NOT EXISTS (SELECT FROM history_cdc.undone u WHERE u.run_id = r.id)
ORDER BY 2, 8
LIMIT $3::integer
