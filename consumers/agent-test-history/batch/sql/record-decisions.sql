-- Records decisions on rows that have no canonical row yet, and writes the canonical rows of projected ones, in one
-- statement. For a twin, it keeps the canonical row that we would write without the live row. If a canonical row of
-- ours exists already (the ledger was lost and is being rebuilt), `rewrite_own_runs` writes the image into it. That
-- function is called for such rows only, so the census can run this statement without the right to write. The WHERE of
-- the ledger's write guards the order of a key: an event at or before the recorded position changes nothing, and the
-- first event of a successor topic is beyond every position of the old topic.
WITH event AS MATERIALIZED (
  -- For a forgotten user, the alias is stored (operations/forget).
  SELECT e.*, coalesce(f.alias, e.user_id) AS kept_user_id
  FROM unnest(
    $1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::smallint[],
    $6::uuid[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::boolean[], $13::boolean[], $14::boolean[],
    $15::uuid[], $16::integer[], $17::bigint[], $18::bigint[], $19::text[], $20::boolean[],
    $21::text[], $22::boolean[], $23::integer[], $24::integer[], $25::integer[], $26::text[], $27::boolean[],
    $28::text[], $29::timestamptz[], $30::uuid[], $31::uuid[], $32::text[], $33::uuid[], $34::text[],
    $35::boolean[]
  ) AS e (
    legacy_id, decision, reason, canonical_run_id, rule_version,
    agent_context_id, user_id, organization_id, original_agent_url, agent_url, lifecycle_stage, is_member, lists_agent,
    opted_out,
    topic_id, partition, "offset", lsn, op, snapshot,
    scenario, overall_passed, steps_passed, steps_failed, total_duration_ms, summary, dry_run,
    agent_profile_json, started_at, fingerprint, profile_hash, otherwise, own_run_id, storyboards,
    unreadable
  )
  LEFT JOIN history_cdc.forgotten_user f
    ON f.user_hash = sha256((SELECT k.key FROM history_cdc.forgotten_key k) || convert_to(e.user_id, 'UTF8'))
),
-- Not materialized: only the few rows that are rewritten are then computed twice.
image AS NOT MATERIALIZED (
  SELECT e.canonical_run_id AS id, e.agent_url, e.lifecycle_stage,
         CASE WHEN e.overall_passed THEN 'passing' ELSE 'failing' END AS overall_status,
         e.summary AS headline, e.total_duration_ms, e.started_at AS tested_at,
         e.steps_passed AS tracks_passed, e.steps_failed AS tracks_failed,
         e.agent_profile_json::jsonb AS agent_profile_json,
         history_cdc.run_observations(e.legacy_id, e.scenario, e.kept_user_id, e.organization_id,
                                      nullif(e.original_agent_url, e.agent_url), e.storyboards) AS observations_json,
         coalesce(e.dry_run, true) AS dry_run, e.organization_id AS triggered_org_id
  FROM event e
  WHERE e.decision = 'projected'
),
run AS (
  INSERT INTO public.agent_compliance_runs (
    id, agent_url, lifecycle_stage, overall_status, headline, total_duration_ms, tested_at, tracks_json,
    tracks_passed, tracks_failed, tracks_skipped, tracks_partial, agent_profile_json, observations_json,
    triggered_by, dry_run, triggered_org_id
  )
  SELECT i.id, i.agent_url, i.lifecycle_stage, i.overall_status, i.headline, i.total_duration_ms, i.tested_at,
         '[]'::jsonb, i.tracks_passed, i.tracks_failed, 0, 0, i.agent_profile_json, i.observations_json,
         'owner_test', i.dry_run, i.triggered_org_id
  FROM image i
  ON CONFLICT (id) DO NOTHING
  RETURNING id, observations_json ->> 'backfill_script' IS NOT DISTINCT FROM 'history-cdc' AS is_ours
),
-- Our own rows that existed already. NOT IN hashes the ids, whatever number of rows the planner expects.
there AS MATERIALIZED (
  SELECT ARRAY(
    SELECT ROW(i.id, i.agent_url, i.lifecycle_stage, i.overall_status, i.headline, i.total_duration_ms, i.tested_at,
               i.tracks_passed, i.tracks_failed, i.agent_profile_json, i.observations_json, i.dry_run,
               i.triggered_org_id)::history_cdc.own_run
    FROM image i
    WHERE i.id NOT IN (SELECT run.id FROM run)) AS images
),
kept AS (
  INSERT INTO history_cdc.unsettled_twin (
    legacy_id, run_id, agent_url, lifecycle_stage, overall_status, headline, total_duration_ms, tested_at,
    tracks_passed, tracks_failed, agent_profile_json, observations_json, dry_run, triggered_org_id
  )
  SELECT e.legacy_id, e.own_run_id, e.agent_url, e.lifecycle_stage,
         CASE WHEN e.overall_passed THEN 'passing' ELSE 'failing' END,
         e.summary, e.total_duration_ms, e.started_at, e.steps_passed, e.steps_failed, e.agent_profile_json::jsonb,
         history_cdc.run_observations(e.legacy_id, e.scenario, e.kept_user_id, e.organization_id,
                                      nullif(e.original_agent_url, e.agent_url), e.storyboards),
         coalesce(e.dry_run, true), e.organization_id
  FROM event e
  WHERE e.decision = 'twin' AND e.otherwise = 'projected'
  UNION ALL
  SELECT e.legacy_id, e.own_run_id, NULL, NULL, NULL, NULL, NULL, e.started_at, NULL, NULL, NULL, NULL, NULL, NULL
  FROM event e
  WHERE e.decision = 'twin' AND e.otherwise = 'opted_out'
  ON CONFLICT (legacy_id) DO UPDATE SET
    run_id = excluded.run_id, agent_url = excluded.agent_url, lifecycle_stage = excluded.lifecycle_stage,
    overall_status = excluded.overall_status, headline = excluded.headline,
    total_duration_ms = excluded.total_duration_ms, tested_at = excluded.tested_at,
    tracks_passed = excluded.tracks_passed, tracks_failed = excluded.tracks_failed,
    agent_profile_json = excluded.agent_profile_json, observations_json = excluded.observations_json,
    dry_run = excluded.dry_run, triggered_org_id = excluded.triggered_org_id
),
recorded AS (
  INSERT INTO history_cdc.ledger AS l (
    legacy_id, decision, reason, canonical_run_id, rule_version,
    agent_context_id, user_id, organization_id, agent_url, lifecycle_stage, is_member, lists_agent, opted_out,
    topic_id, partition, "offset", lsn, op, snapshot, content_hash, started_at, fingerprint, profile_hash
  )
  SELECT e.legacy_id, e.decision, e.reason, e.canonical_run_id, e.rule_version,
         e.agent_context_id, e.kept_user_id, e.organization_id, e.agent_url, e.lifecycle_stage, e.is_member, e.lists_agent,
         e.opted_out,
         e.topic_id, e.partition, e."offset", '0/0'::pg_lsn + e.lsn, e.op, e.snapshot,
         CASE WHEN e.unreadable IS NULL THEN history_cdc.content_hash(
           e.agent_context_id, e.scenario, e.overall_passed, e.steps_passed, e.steps_failed, e.total_duration_ms,
           e.summary, e.dry_run, e.user_id, e.agent_profile_json, e.started_at, e.storyboards) END,
         e.started_at, e.fingerprint, e.profile_hash
  FROM event e
  ON CONFLICT (legacy_id) DO UPDATE SET
    decision = excluded.decision, reason = excluded.reason, canonical_run_id = excluded.canonical_run_id,
    rule_version = excluded.rule_version, agent_context_id = excluded.agent_context_id,
    user_id = excluded.user_id, organization_id = excluded.organization_id, agent_url = excluded.agent_url,
    lifecycle_stage = excluded.lifecycle_stage, is_member = excluded.is_member, lists_agent = excluded.lists_agent,
    opted_out = excluded.opted_out, topic_id = excluded.topic_id, partition = excluded.partition,
    "offset" = excluded."offset", lsn = excluded.lsn, op = excluded.op,
    snapshot = excluded.snapshot, content_hash = excluded.content_hash, started_at = excluded.started_at,
    fingerprint = excluded.fingerprint, profile_hash = excluded.profile_hash,
    -- A re-read with the same decision does not open the grace window again.
    decided_at = CASE WHEN excluded.snapshot AND l.decision = excluded.decision AND l.content_hash = excluded.content_hash
                      THEN l.decided_at ELSE clock_timestamp() END,
    source_deleted_at = NULL
  WHERE (l.topic_id <> excluded.topic_id
         OR (l.partition = excluded.partition AND l."offset" < excluded."offset")
         -- The same event, decided again with newer look-ups or another rule (sweep/decide-again.ts).
         OR (l.partition = excluded.partition AND l."offset" = excluded."offset"
             AND l.decision IN ('third_party', 'anonymous', 'opted_out', 'orphaned')))
    AND l.canonical_run_id IS NULL
  RETURNING 1
)
SELECT (SELECT count(*) FROM run)::integer AS runs_inserted,
       (SELECT CASE WHEN cardinality(images) = 0 THEN 0 ELSE history_cdc.rewrite_own_runs(images) END
        FROM there)::integer AS runs_updated,
       -- Rows that a trigger of the application skipped, gave another id, or removed our mark from.
       ((SELECT count(*) FROM run WHERE NOT is_ours)
        + (SELECT count(*) FROM there CROSS JOIN LATERAL unnest(there.images) AS i
           WHERE NOT EXISTS (SELECT FROM public.agent_compliance_runs r WHERE r.id = i.id)))::integer AS kept_out,
       (SELECT count(*) FROM recorded)::integer AS ledger_written
