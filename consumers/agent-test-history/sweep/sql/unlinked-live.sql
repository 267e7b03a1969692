-- Owners' runs beside live rows that no legacy row is linked to, and that may therefore be their twins: the anti-join
-- that finds what came late, was missed, or was written by hand. It also learns spellings of agent URLs.
-- $1 the match window in microseconds
WITH unlinked AS MATERIALIZED (
  SELECT r.agent_url::text AS spelling, r.tested_at,
         history_cdc.run_fingerprint(r.headline, r.total_duration_ms, r.overall_status = 'passing') AS fingerprint
  FROM public.agent_compliance_runs r
  WHERE history_cdc.is_live_run(r.triggered_by, r.observations_json) AND isfinite(r.tested_at)
    AND NOT EXISTS (SELECT FROM history_cdc.ledger l WHERE l.canonical_run_id = r.id)
),
named AS MATERIALIZED (
  SELECT d.spelling, history_cdc.canonical_agent_url(d.spelling) AS agent_url
  FROM (SELECT DISTINCT spelling FROM unlinked) AS d
),
spelled AS (
  INSERT INTO history_cdc.agent_spelling (spelling, agent_url)
  SELECT n.spelling, n.agent_url FROM named n WHERE n.agent_url <> n.spelling
  ON CONFLICT (spelling) DO NOTHING
)
SELECT l.legacy_id, l.agent_url, l.fingerprint, (extract(epoch FROM l.started_at) * 1000000)::bigint AS started_at_us,
       (extract(epoch FROM min(u.tested_at)) * 1000000)::bigint AS live_at_us
FROM unlinked u
JOIN named n ON n.spelling = u.spelling
JOIN history_cdc.ledger l
  ON l.agent_url = n.agent_url AND l.fingerprint = u.fingerprint
 AND l.started_at BETWEEN u.tested_at - $1::bigint * interval '1 microsecond'
                      AND u.tested_at + $1::bigint * interval '1 microsecond'
WHERE l.decision IN ('projected', 'opted_out')
   OR (l.decision = 'twin' AND EXISTS (SELECT FROM history_cdc.unsettled_twin t WHERE t.legacy_id = l.legacy_id))
GROUP BY l.legacy_id
ORDER BY l.agent_url, l.started_at, l.legacy_id
