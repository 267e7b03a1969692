-- Legacy rows against the ledger and, where our canonical row follows them, against that row, column by column, by the
-- mapping as it was agreed on. Written anew on purpose: nothing in here comes from what the projector writes by.
-- $1 the run; the others are those of the rows.
WITH compared AS MATERIALIZED (
  SELECT t.*, l.legacy_id AS ledger_id, l.decision, l.reason, l.canonical_run_id, l.agent_context_id AS decided_context_id,
         l.user_id AS decided_user_id, coalesce(f.alias, t.user_id) AS kept_user_id,
         l.organization_id AS decided_organization_id, l.agent_url AS decided_agent_url,
         l.lifecycle_stage AS decided_stage, l.source_deleted_at, l.op AS decided_op, l.started_at AS decided_started_at,
         l.fingerprint AS decided_look, l.profile_hash AS decided_profile,
         -- Not while it stands where it was decided, whatever the reason says: an update of it was not applied then.
         l.decision = 'projected' AND l.reason = 'moved_to_agent_not_owned'
           AND (l.agent_context_id, l.user_id) IS DISTINCT FROM (t.agent_context_id, coalesce(f.alias, t.user_id)) AS moved_away,
         -- Asked once a row: each time that it is asked, the whole document is unpacked.
         CASE WHEN l.decision = 'projected' THEN jsonb_typeof(t.steps_json) END AS steps_kind
  FROM (
{{legacy}}
  ) t
  LEFT JOIN LATERAL (SELECT * FROM history_cdc.ledger l WHERE l.legacy_id = t.id LIMIT 1) l ON true
  -- A user who was forgotten is held under an alias (forget/).
  LEFT JOIN history_cdc.forgotten_user f
    ON f.user_hash = sha256((SELECT k.key FROM history_cdc.forgotten_key k) || convert_to(t.user_id, 'UTF8'))
),
context AS MATERIALIZED (
  SELECT c.id, c.organization_id::text AS organization_id, history_cdc.canonical_agent_url(c.agent_url) AS agent_url
  FROM public.agent_contexts c
  WHERE c.id IN (SELECT agent_context_id FROM compared WHERE decision = 'projected')
),
phase AS (
  SELECT t.id, split_part(p.phase ->> 'scenario', '/', 1) AS storyboard_id, p.n, p.phase -> 'steps' AS steps,
         CASE jsonb_typeof(p.phase -> 'overall_passed')
           WHEN 'boolean' THEN p.phase -> 'overall_passed' = 'true'
           ELSE coalesce(p.phase -> 'passed' = 'true', false) END AS passed
  FROM compared t
  CROSS JOIN LATERAL (
    SELECT e.entry, e.n, jsonb_typeof(e.entry -> 'scenarios') = 'array' IS TRUE AS has_scenarios
    FROM jsonb_array_elements(
      CASE t.steps_kind
        WHEN 'array' THEN t.steps_json
        WHEN 'object' THEN CASE jsonb_typeof(t.steps_json -> 'tracks') WHEN 'array' THEN t.steps_json -> 'tracks' ELSE '[]' END
        ELSE '[]' END) WITH ORDINALITY AS e (entry, n)
    WHERE jsonb_typeof(e.entry) = 'object'
  ) AS track
  LEFT JOIN LATERAL jsonb_array_elements(CASE WHEN track.has_scenarios THEN track.entry -> 'scenarios' END)
    WITH ORDINALITY AS s (phase, n) ON true
  -- Where the steps are a plain list, an entry without scenarios is a phase itself.
  CROSS JOIN LATERAL (
    SELECT CASE WHEN track.has_scenarios THEN s.phase WHEN t.steps_kind = 'array' THEN track.entry END AS phase,
           track.n * 1000000 + coalesce(s.n, 1) AS n
  ) AS p
  WHERE t.decision = 'projected' AND NOT t.moved_away
    AND strpos(p.phase ->> 'scenario', '/') > 1 AND jsonb_typeof(p.phase -> 'scenario') = 'string'
),
-- Of a phase that lists no steps, the phase itself is one.
counted AS (
  SELECT p.id, p.storyboard_id, min(p.n) AS first,
         sum(CASE WHEN s.listed[1] > 0 THEN s.listed[2] ELSE p.passed::integer END) AS passed,
         sum(CASE WHEN s.listed[1] > 0 THEN s.listed[1] ELSE 1 END) AS total
  FROM phase p
  CROSS JOIN LATERAL (
    SELECT CASE WHEN jsonb_typeof(p.steps) = 'array' THEN (
      SELECT ARRAY[count(*), count(*) FILTER (WHERE step -> 'passed' = 'true')]
      FROM jsonb_array_elements(p.steps) AS step
      WHERE jsonb_typeof(step) = 'object'
    ) END AS listed
  ) AS s
  GROUP BY p.id, p.storyboard_id
),
storyboards AS MATERIALIZED (
  SELECT id, jsonb_agg(jsonb_build_object(
           'storyboard_id', storyboard_id, 'steps_passed', passed, 'steps_total', total,
           'status', CASE WHEN passed = total THEN 'passing' WHEN passed = 0 THEN 'failing' ELSE 'partial' END)
         ORDER BY first) AS verdicts
  FROM counted
  GROUP BY id
),
-- A row that was moved to an agent which its user does not own leaves our canonical row as it was: not compared.
ours AS (
  SELECT o.*, c.organization_id, c.agent_url
  FROM compared o
  LEFT JOIN context c ON c.id = o.agent_context_id
  WHERE o.decision = 'projected' AND NOT o.moved_away
),
differing AS MATERIALIZED (
  SELECT o.id, o.version, o.canonical_run_id, array_remove(ARRAY[
    CASE WHEN r.agent_url IS DISTINCT FROM coalesce(o.agent_url, o.decided_agent_url) THEN 'agent_url' END,
    CASE WHEN r.lifecycle_stage IS DISTINCT FROM o.decided_stage THEN 'lifecycle_stage' END,
    CASE WHEN r.overall_status IS DISTINCT FROM CASE WHEN o.overall_passed THEN 'passing' ELSE 'failing' END THEN 'overall_status' END,
    CASE WHEN r.headline IS DISTINCT FROM o.summary THEN 'headline' END,
    CASE WHEN r.total_duration_ms IS DISTINCT FROM o.total_duration_ms THEN 'total_duration_ms' END,
    CASE WHEN r.tested_at IS DISTINCT FROM o.started_at THEN 'tested_at' END,
    CASE WHEN r.tracks_json IS DISTINCT FROM '[]'::jsonb THEN 'tracks_json' END,
    CASE WHEN r.tracks_passed IS DISTINCT FROM o.steps_passed THEN 'tracks_passed' END,
    CASE WHEN r.tracks_failed IS DISTINCT FROM o.steps_failed THEN 'tracks_failed' END,
    CASE WHEN r.tracks_skipped IS DISTINCT FROM 0 THEN 'tracks_skipped' END,
    CASE WHEN r.tracks_partial IS DISTINCT FROM 0 THEN 'tracks_partial' END,
    CASE WHEN r.agent_profile_json IS DISTINCT FROM o.agent_profile_json THEN 'agent_profile_json' END,
    CASE WHEN r.triggered_by IS DISTINCT FROM 'owner_test' THEN 'triggered_by' END,
    CASE WHEN r.dry_run IS DISTINCT FROM coalesce(o.dry_run, true) THEN 'dry_run' END,
    CASE WHEN r.triggered_org_id IS DISTINCT FROM coalesce(o.organization_id, o.decided_organization_id) THEN 'triggered_org_id' END,
    CASE WHEN (r.observations_json ->> 'backfill_source', r.observations_json ->> 'original_scenario',
               r.observations_json ->> 'backfill_user_id', r.observations_json ->> 'backfill_org_id')
              IS DISTINCT FROM
              ('agent_test_history', o.scenario, o.kept_user_id, coalesce(o.organization_id, o.decided_organization_id))
           OR history_cdc.canonical_agent_url(r.observations_json ->> 'original_agent_url') <> r.agent_url
         THEN 'observations_json' END,
    CASE WHEN r.observations_json -> 'storyboards' IS DISTINCT FROM b.verdicts THEN 'storyboards' END,
    CASE WHEN o.decided_context_id IS DISTINCT FROM o.agent_context_id THEN 'agent_context_id' END,
    CASE WHEN o.decided_user_id IS DISTINCT FROM o.kept_user_id THEN 'user_id' END,
    CASE WHEN o.source_deleted_at IS NOT NULL THEN 'source_deleted_at' END
  ], NULL) AS fields
  FROM ours o
  JOIN LATERAL (
    SELECT * FROM public.agent_compliance_runs r
    WHERE r.id = o.canonical_run_id AND r.observations_json ->> 'backfill_script' = 'history-cdc' LIMIT 1
  ) r ON true
  LEFT JOIN storyboards b ON b.id = o.id
  UNION ALL
  -- A row without a canonical row is decided by every image of it, so the ledger knows the newest.
  SELECT s.id, s.version, NULL, array_remove(ARRAY[
    CASE WHEN s.decided_context_id IS DISTINCT FROM s.agent_context_id THEN 'agent_context_id' END,
    CASE WHEN s.decided_user_id IS DISTINCT FROM s.kept_user_id THEN 'user_id' END,
    CASE WHEN (s.decision = 'anonymous') <> history_cdc.is_blank(s.user_id) THEN 'decision' END,
    CASE WHEN s.source_deleted_at IS NOT NULL THEN 'source_deleted_at' END
  ], NULL)
  FROM compared s
  WHERE s.decision IN ('third_party', 'anonymous', 'opted_out', 'orphaned')
  UNION ALL
  -- Only its key is known, and it is there.
  SELECT s.id, s.version, NULL, ARRAY['decision'] FROM compared s WHERE s.decision = 'gone'
),
-- A twin's link was made by what the ledger has recorded (ledger.sql compares the live row with it). Where the insert is the
-- newest event, the row still looks so. Where an update came later, the link stays as it was, and the row may look otherwise.
twin AS MATERIALIZED (
  SELECT o.id, o.version, o.canonical_run_id, o.decided_op, array_remove(ARRAY[
    CASE WHEN md5(CASE WHEN o.overall_passed THEN 'passing ' ELSE 'other ' END
                  || coalesce(nullif(o.total_duration_ms, 0)::text, '') || coalesce(' =' || o.summary, ''))::uuid
              IS DISTINCT FROM o.decided_look THEN 'fingerprint' END,
    CASE WHEN CASE WHEN jsonb_typeof(o.agent_profile_json) <> 'null' THEN md5(o.agent_profile_json::text)::uuid END
              IS DISTINCT FROM o.decided_profile THEN 'agent_profile_json' END,
    CASE WHEN o.started_at IS DISTINCT FROM o.decided_started_at THEN 'tested_at' END
  ], NULL) AS fields
  FROM compared o
  WHERE o.decision = 'twin'
),
found AS (
  SELECT 'unseen' AS kind, s.id AS legacy_id, NULL::uuid AS canonical_run_id, '{}'::text[] AS fields, s.version
  FROM compared s
  WHERE s.ledger_id IS NULL AND NOT EXISTS (SELECT FROM history_cdc.undone u WHERE u.legacy_id = s.id)
  UNION ALL
  SELECT CASE WHEN w.decided_op = 'c' THEN 'different' ELSE 'twin_changed' END, w.id, w.canonical_run_id, w.fields, w.version
  FROM twin w
  WHERE w.fields <> '{}'
  UNION ALL
  SELECT 'moved_away', m.id, m.canonical_run_id, '{}', m.version FROM compared m WHERE m.moved_away
  UNION ALL
  SELECT 'different', d.id, d.canonical_run_id, d.fields, d.version FROM differing d WHERE d.fields <> '{}'
),
