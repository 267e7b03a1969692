-- Owners' runs near live rows that are linked to no legacy row. Such a live row came late, was missed, or was written
-- by hand, and may be the twin of the run. Runs that have skipped matching so far have no fingerprint (NULL). The
-- statement also stores new spellings of agent URLs.
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
),
-- An equality join finds neighbours in time: each live row stands in its own stretch of time and in the two beside it.
nearby AS MATERIALIZED (
  SELECT n.agent_url, u.tested_at, u.fingerprint, floor(extract(epoch FROM u.tested_at) * 1000000 / $1::bigint) + beside AS slot
  FROM unlinked u
  JOIN named n ON n.spelling = u.spelling
  CROSS JOIN generate_series(-1, 1) AS beside
)
SELECT l.legacy_id, l.agent_url, l.fingerprint,
       (extract(epoch FROM min(u.tested_at)) * 1000000)::bigint AS live_at_us
FROM nearby u
JOIN history_cdc.ledger l
  ON l.agent_url = u.agent_url AND floor(extract(epoch FROM l.started_at) * 1000000 / $1::bigint) = u.slot
WHERE (l.fingerprint = u.fingerprint OR l.fingerprint IS NULL)
  AND l.started_at BETWEEN u.tested_at - $1::bigint * interval '1 microsecond'
                       AND u.tested_at + $1::bigint * interval '1 microsecond'
  AND (l.decision IN ('projected', 'opted_out')
       OR (l.decision = 'twin' AND l.legacy_id IN (SELECT t.legacy_id FROM history_cdc.unsettled_twin t)))
GROUP BY l.legacy_id
ORDER BY l.agent_url, l.started_at, l.legacy_id
