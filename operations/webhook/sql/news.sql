-- What happened since the webhook began and was not told yet. It is looked up by what was told, and not by a position: a
-- transaction that commits late has a lower id than one that was told already.
WITH begun AS MATERIALIZED (SELECT since FROM history_cdc.webhook),
found AS (
  -- A gap that opens again is news again.
  SELECT 'gap.opened' AS type, g.id::text || ' ' || extract(epoch FROM g.opened_at) AS subject, g.id::text AS id, g.kind AS what,
         g.opened_at AS at
  FROM history_cdc.gap g
  UNION ALL
  SELECT 'verdict.wrong', r.id::text, r.id::text, r.scope, r.finished_at
  FROM history_cdc.reconcile_run r
  WHERE r.verdict = 'wrong'
  UNION ALL
  -- Of gaps and verdicts of `reconcile`, the soak records an incident later.
  SELECT 'incident.' || i.kind, i.id::text, i.id::text, i.kind, i.seen_at
  FROM history_cdc.incident i
  WHERE NOT (i.kind = 'gap' OR (i.kind = 'wrong_verdict' AND i.subject ~ '^\d+$'))
  UNION ALL
  SELECT 'stage.entered', s.id::text, s.id::text, s.stage, s.at
  FROM history_cdc.stage s
)
SELECT f.type, f.subject, f.id, f.what, f.at
FROM found f
WHERE f.at >= (SELECT since FROM begun)
  AND NOT EXISTS (SELECT FROM history_cdc.webhook_told t WHERE t.type = f.type AND t.subject = f.subject)
ORDER BY f.at, f.id
