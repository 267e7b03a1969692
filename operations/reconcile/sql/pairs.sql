-- What is found without going row by row: what `undo` took back, whether its legacy row is still there or not; what is in
-- quarantine, and whose it is; and pairs of canonical rows that may show one run: copies of one legacy row that no decision
-- is linked to, and live rows that no decision is linked to beside owners' runs that look the same.
-- $1 the run, $2 the match window in microseconds, $3, $4 and $5 id, context and user of the legacy rows in quarantine
WITH unlinked AS MATERIALIZED (
  SELECT r.id, history_cdc.canonical_agent_url(r.agent_url) AS agent_url, r.tested_at, r.headline,
         nullif(r.total_duration_ms, 0) AS total_duration_ms, r.overall_status = 'passing' AS passing,
         CASE WHEN jsonb_typeof(r.agent_profile_json) <> 'null' THEN r.agent_profile_json END AS profile, r.triggered_org_id,
         md5(CASE WHEN r.overall_status = 'passing' THEN 'passing ' ELSE 'other ' END
             || coalesce(nullif(r.total_duration_ms, 0)::text, '') || coalesce(' =' || r.headline, ''))::uuid AS look
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
  SELECT n.id, l.legacy_id, l.canonical_run_id, l.decision, l.started_at, l.fingerprint, l.profile_hash, l.organization_id
  FROM nearby n
  JOIN history_cdc.ledger l
    ON l.agent_url = n.agent_url AND floor(extract(epoch FROM l.started_at) * 1000000 / $2::bigint) = n.slot
  WHERE l.decision IN ('projected', 'twin', 'opted_out')
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
  WHERE b.decision = 'projected'
    AND r.headline IS NOT DISTINCT FROM u.headline
    AND nullif(r.total_duration_ms, 0) IS NOT DISTINCT FROM u.total_duration_ms
    AND (r.overall_status = 'passing') = u.passing
    AND (u.profile IS NULL OR p.profile IS NULL OR u.profile = p.profile)
    AND (u.triggered_org_id IS NULL OR u.triggered_org_id = r.triggered_org_id)
),
-- Runs that have no row of ours to compare with: how they looked, the ledger has recorded. A twin whose live row is farther
-- away than a free one that looks the same is not the pair with the least distance.
alike_as_recorded AS MATERIALIZED (
  SELECT b.legacy_id, u.id, b.decision, u.headline IS NULL AND u.total_duration_ms IS NULL AND num_nulls(h.hash, b.profile_hash) > 0 AS is_weak
  FROM beside b
  JOIN unlinked u ON u.id = b.id
  CROSS JOIN LATERAL (SELECT md5(u.profile::text)::uuid AS hash) AS h
  LEFT JOIN public.agent_compliance_runs r ON r.id = b.canonical_run_id
  WHERE b.decision <> 'projected' AND u.look = b.fingerprint
    AND (h.hash = b.profile_hash) IS NOT FALSE
    AND (u.triggered_org_id IS NULL OR u.triggered_org_id = b.organization_id)
    AND (b.decision = 'opted_out'
         OR r.triggered_by = 'owner_test' AND r.headline IS NOT DISTINCT FROM u.headline
            AND greatest(u.tested_at - b.started_at, b.started_at - u.tested_at)
                < greatest(r.tested_at - b.started_at, b.started_at - r.tested_at))
),
-- A decision without a record, and a record of which not even the key could be read, are parked, too.
parked AS MATERIALIZED (
  SELECT legacy_id, bool_and(waived) AS waived, array_agg(at ORDER BY at COLLATE "C") FILTER (WHERE legacy_id IS NULL) AS at
  FROM (
    SELECT q.legacy_id, q.waived_at IS NOT NULL AS waived, concat_ws(' ', q.topic_id, q.partition, q."offset") AS at
    FROM history_cdc.quarantine q
    WHERE q.healed_at IS NULL
    UNION ALL
    SELECT l.legacy_id, false, NULL
    FROM history_cdc.ledger l
    WHERE l.decision = 'quarantined'
      AND NOT EXISTS (SELECT FROM history_cdc.quarantine q WHERE q.legacy_id = l.legacy_id AND q.healed_at IS NULL)
  ) AS record
  GROUP BY legacy_id
),
whose AS MATERIALIZED (
  SELECT p.legacy_id, l.canonical_run_id, p.waived, p.at, CASE
    WHEN l.canonical_run_id IS NOT NULL THEN 'owner'
    WHEN t.id IS NULL THEN 'unknown'
    WHEN NOT history_cdc.is_blank(t.user_id) AND m.workos_user_id IS NOT NULL AND EXISTS (
      SELECT FROM public.member_profiles p
      CROSS JOIN LATERAL jsonb_array_elements(
        CASE WHEN jsonb_typeof(p.agents) = 'array' THEN p.agents ELSE '[]' END) AS a (entry)
      WHERE p.workos_organization_id = c.organization_id
        AND jsonb_typeof(a.entry) = 'object' AND jsonb_typeof(a.entry -> 'url') = 'string'
        AND history_cdc.canonical_agent_url(a.entry ->> 'url') = history_cdc.canonical_agent_url(c.agent_url)
    ) THEN 'owner'
    ELSE 'other' END AS whose
  FROM parked p
  LEFT JOIN unnest($3::uuid[], $4::uuid[], $5::text[]) AS t (id, agent_context_id, user_id) ON t.id = p.legacy_id
  LEFT JOIN history_cdc.ledger l ON l.legacy_id = p.legacy_id
  LEFT JOIN public.agent_contexts c ON c.id = t.agent_context_id
  LEFT JOIN public.organization_memberships m
    ON m.workos_user_id = t.user_id AND m.workos_organization_id = c.organization_id
),
copied AS MATERIALIZED (
  SELECT (r.observations_json ->> 'backfill_source_id')::uuid AS legacy_id, array_agg(r.id ORDER BY r.id) AS ids
  FROM public.agent_compliance_runs r
  WHERE r.observations_json ->> 'backfill_source' = 'agent_test_history'
    AND r.observations_json ->> 'backfill_script' IS DISTINCT FROM 'history-cdc'
    AND r.observations_json ->> 'backfill_source_id' COLLATE "C" ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'
  GROUP BY 1
  HAVING count(*) > 1
),
compared AS (SELECT id FROM unlinked),
found AS (
  SELECT CASE WHEN a.is_weak THEN 'weak_twin' ELSE 'suspected_twin' END AS kind, a.legacy_id, a.id AS canonical_run_id,
         '{}'::text[] AS fields, '' AS version
  FROM alike a
  UNION ALL
  SELECT CASE WHEN a.decision = 'twin' THEN 'nearer_twin' WHEN a.is_weak THEN 'weak_twin' ELSE 'suspected_twin' END,
         a.legacy_id, a.id, '{}', ''
  FROM alike_as_recorded a
  WHERE NOT (a.decision = 'twin' AND a.is_weak)
  UNION ALL
  SELECT CASE WHEN w.waived THEN 'waived' WHEN w.whose = 'other' THEN 'parked_other' ELSE 'parked' END,
         w.legacy_id, w.canonical_run_id, coalesce(w.at[:20], ARRAY[w.whose]), ''
  FROM whose w
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
