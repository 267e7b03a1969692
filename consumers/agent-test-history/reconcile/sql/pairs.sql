-- What is found without going row by row: what `undo` took back, whether its legacy row is still there or not; and pairs
-- of canonical rows that may show one run: copies of one legacy row that no decision is linked to, and live rows that no
-- decision is linked to beside rows of ours that look the same.
-- $1 the run, $2 the match window in microseconds
WITH unlinked AS MATERIALIZED (
  SELECT r.id, history_cdc.canonical_agent_url(r.agent_url) AS agent_url, r.tested_at, r.headline,
         nullif(r.total_duration_ms, 0) AS total_duration_ms, r.overall_status = 'passing' AS passing,
         CASE WHEN jsonb_typeof(r.agent_profile_json) <> 'null' THEN r.agent_profile_json END AS profile, r.triggered_org_id
  FROM public.agent_compliance_runs r
  WHERE r.triggered_by = 'owner_test' AND r.observations_json ->> 'backfill_source' IS DISTINCT FROM 'agent_test_history'
    AND isfinite(r.tested_at)
    AND NOT EXISTS (SELECT FROM history_cdc.ledger l WHERE l.canonical_run_id = r.id)
),
-- Neighbours in time by equality: each live row in the stretch of its own and in those beside it.
nearby AS MATERIALIZED (
  SELECT u.id, u.agent_url, u.tested_at, floor(extract(epoch FROM u.tested_at) * 1000000 / $2::bigint) + beside AS slot
  FROM unlinked u
  CROSS JOIN generate_series(-1, 1) AS beside
),
beside AS MATERIALIZED (
  SELECT n.id, l.legacy_id, l.canonical_run_id
  FROM nearby n
  JOIN history_cdc.ledger l
    ON l.agent_url = n.agent_url AND floor(extract(epoch FROM l.started_at) * 1000000 / $2::bigint) = n.slot
  WHERE l.decision = 'projected'
    AND l.started_at BETWEEN n.tested_at - $2::bigint * interval '1 microsecond'
                         AND n.tested_at + $2::bigint * interval '1 microsecond'
),
alike AS MATERIALIZED (
  SELECT b.legacy_id, u.id,
         u.headline IS NULL AND u.total_duration_ms IS NULL AND (u.profile IS NULL OR p.profile IS NULL) AS is_weak
  FROM beside b
  JOIN unlinked u ON u.id = b.id
  JOIN public.agent_compliance_runs r ON r.id = b.canonical_run_id
  CROSS JOIN LATERAL (
    SELECT CASE WHEN jsonb_typeof(r.agent_profile_json) <> 'null' THEN r.agent_profile_json END AS profile) AS p
  WHERE r.headline IS NOT DISTINCT FROM u.headline
    AND nullif(r.total_duration_ms, 0) IS NOT DISTINCT FROM u.total_duration_ms
    AND (r.overall_status = 'passing') = u.passing
    AND (u.profile IS NULL OR p.profile IS NULL OR u.profile = p.profile)
    AND (u.triggered_org_id IS NULL OR u.triggered_org_id = r.triggered_org_id)
),
copied AS MATERIALIZED (
  SELECT lower(r.observations_json ->> 'backfill_source_id')::uuid AS legacy_id, array_agg(r.id ORDER BY r.id) AS ids
  FROM public.agent_compliance_runs r
  WHERE r.observations_json ->> 'backfill_source' = 'agent_test_history'
    AND r.observations_json ->> 'backfill_script' IS DISTINCT FROM 'history-cdc'
    AND r.observations_json ->> 'backfill_source_id' ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
  GROUP BY 1
  HAVING count(*) > 1
),
compared AS (SELECT id FROM unlinked),
found AS (
  SELECT CASE WHEN a.is_weak THEN 'weak_twin' ELSE 'suspected_twin' END AS kind, a.legacy_id, a.id AS canonical_run_id,
         '{}'::text[] AS fields, '' AS version
  FROM alike a
  UNION ALL
  SELECT 'script_doubled', c.legacy_id, copy.id, '{}', ''
  FROM copied c
  CROSS JOIN LATERAL unnest(c.ids[2:]) AS copy (id)
  WHERE NOT EXISTS (SELECT FROM history_cdc.ledger l WHERE l.legacy_id = c.legacy_id AND l.canonical_run_id IS NOT NULL)
  UNION ALL
  SELECT 'undone', u.legacy_id, u.run_id, '{}', ''
  FROM history_cdc.undone u
  WHERE NOT EXISTS (SELECT FROM history_cdc.ledger l WHERE l.legacy_id = u.legacy_id)
),
