-- Applies later images of rows that have a canonical row. If `applies`, the image is written to our canonical row; if
-- `follows`, its agent, stage, organisation and provenance change too. A value that the event left out stays as it is
-- in our row. A row that retention pruned is not written again. Position and content hash move in every case.
WITH event AS MATERIALIZED (
  -- For a forgotten user, the alias is stored (operations/forget).
  SELECT e.*, coalesce(f.alias, e.user_id) AS kept_user_id
  FROM unnest(
    $1::uuid[], $2::uuid[], $3::text[], $4::boolean[], $5::boolean[],
    $6::uuid[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::boolean[], $13::boolean[], $14::boolean[],
    $15::uuid[], $16::integer[], $17::bigint[], $18::bigint[], $19::text[], $20::boolean[],
    $21::text[], $22::boolean[], $23::integer[], $24::integer[], $25::integer[], $26::text[], $27::boolean[],
    $28::boolean[], $29::text[], $30::boolean[], $31::timestamptz[], $32::boolean[], $33::boolean[],
    $34::text[], $35::boolean[]
  ) AS e (
    legacy_id, canonical_run_id, reason, applies, follows,
    agent_context_id, user_id, organization_id, original_agent_url, agent_url, lifecycle_stage, is_member, lists_agent,
    opted_out,
    topic_id, partition, "offset", lsn, op, snapshot,
    scenario, overall_passed, steps_passed, steps_failed, total_duration_ms, summary, summary_left_out,
    dry_run, agent_profile_json, profile_left_out, started_at, readable, in_window,
    storyboards, storyboards_left_out
  )
  LEFT JOIN history_cdc.forgotten_user f
    ON f.user_hash = sha256((SELECT k.key FROM history_cdc.forgotten_key k) || convert_to(e.user_id, 'UTF8'))
),
merged AS MATERIALIZED (
  SELECT e.legacy_id, e.canonical_run_id, e.applies, e.follows, e.agent_url, e.lifecycle_stage, e.organization_id,
         e.original_agent_url, e.user_id, e.kept_user_id, e.agent_context_id, e.overall_passed, e.steps_passed, e.steps_failed,
         e.total_duration_ms, e.dry_run, e.started_at,
         coalesce(e.scenario, r.observations_json ->> 'original_scenario') AS scenario,
         CASE WHEN e.summary_left_out THEN r.headline ELSE e.summary END AS summary,
         CASE WHEN e.profile_left_out THEN r.agent_profile_json::text ELSE e.agent_profile_json END AS agent_profile_json,
         CASE WHEN e.storyboards_left_out THEN (r.observations_json -> 'storyboards')::text ELSE e.storyboards END AS storyboards,
         e.readable
  FROM event e
  LEFT JOIN public.agent_compliance_runs r ON r.id = e.canonical_run_id
),
next AS MATERIALIZED (
  SELECT m.canonical_run_id,
         CASE WHEN m.follows THEN m.agent_url ELSE r.agent_url END AS agent_url,
         CASE WHEN m.follows THEN m.lifecycle_stage ELSE r.lifecycle_stage END AS lifecycle_stage,
         CASE WHEN m.follows THEN m.organization_id ELSE r.triggered_org_id END AS triggered_org_id,
         CASE WHEN m.overall_passed THEN 'passing' ELSE 'failing' END AS overall_status,
         m.summary AS headline, m.total_duration_ms, m.started_at AS tested_at,
         m.steps_passed AS tracks_passed, m.steps_failed AS tracks_failed,
         m.agent_profile_json::jsonb AS agent_profile_json,
         CASE WHEN m.follows
           THEN (r.observations_json - 'original_agent_url') || history_cdc.run_provenance(
             m.legacy_id, m.scenario, m.kept_user_id, m.organization_id, nullif(m.original_agent_url, m.agent_url))
           ELSE r.observations_json || jsonb_build_object('original_scenario', m.scenario)
         END - 'storyboards' || history_cdc.storyboard_observation(m.storyboards) AS observations_json,
         coalesce(m.dry_run, true) AS dry_run
  FROM merged m
  JOIN public.agent_compliance_runs r ON r.id = m.canonical_run_id
  WHERE m.applies
),
run AS (
  SELECT history_cdc.rewrite_own_runs(ARRAY(
    SELECT ROW(n.canonical_run_id, n.agent_url, n.lifecycle_stage, n.overall_status, n.headline, n.total_duration_ms,
               n.tested_at, n.tracks_passed, n.tracks_failed, n.agent_profile_json, n.observations_json, n.dry_run,
               n.triggered_org_id)::history_cdc.own_run
    FROM next n)) AS updated
),
recorded AS (
  UPDATE history_cdc.ledger l
  SET reason = e.reason,
      agent_context_id = CASE WHEN e.follows THEN e.agent_context_id ELSE l.agent_context_id END,
      user_id = CASE WHEN e.follows THEN e.kept_user_id ELSE l.user_id END,
      organization_id = CASE WHEN e.follows THEN e.organization_id ELSE l.organization_id END,
      agent_url = CASE WHEN e.follows THEN e.agent_url ELSE l.agent_url END,
      lifecycle_stage = CASE WHEN e.follows THEN e.lifecycle_stage ELSE l.lifecycle_stage END,
      is_member = CASE WHEN e.follows THEN e.is_member ELSE l.is_member END,
      lists_agent = CASE WHEN e.follows THEN e.lists_agent ELSE l.lists_agent END,
      opted_out = CASE WHEN e.follows THEN e.opted_out ELSE l.opted_out END,
      topic_id = e.topic_id, partition = e.partition,
      "offset" = e."offset", lsn = '0/0'::pg_lsn + e.lsn, op = e.op, snapshot = e.snapshot,
      content_hash = CASE WHEN m.readable THEN history_cdc.content_hash(
        m.agent_context_id, m.scenario, m.overall_passed, m.steps_passed, m.steps_failed, m.total_duration_ms,
        m.summary, m.dry_run, m.user_id, m.agent_profile_json, m.started_at, m.storyboards) ELSE l.content_hash END,
      source_deleted_at = NULL,
      -- Live rows are compared with our own row, so its fingerprint follows. A linked row keeps the fingerprint of its
      -- link.
      started_at = CASE WHEN e.applies THEN e.started_at ELSE l.started_at END,
      fingerprint = CASE WHEN e.applies AND (e.in_window OR l.fingerprint IS NOT NULL)
        THEN history_cdc.run_fingerprint(m.summary, m.total_duration_ms, m.overall_passed) ELSE l.fingerprint END,
      profile_hash = CASE WHEN e.applies AND (e.in_window OR l.fingerprint IS NOT NULL)
        THEN history_cdc.profile_hash(m.agent_profile_json::jsonb) ELSE l.profile_hash END
  FROM event e
  JOIN merged m ON m.legacy_id = e.legacy_id
  WHERE l.legacy_id = e.legacy_id
    AND (l.topic_id <> e.topic_id OR (l.partition = e.partition AND l."offset" < e."offset"))
    AND l.canonical_run_id = e.canonical_run_id
  RETURNING 1
)
SELECT 0 AS runs_inserted,
       (SELECT updated FROM run)::integer AS runs_updated,
       (SELECT count(*) FROM recorded)::integer AS ledger_written
