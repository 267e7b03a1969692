-- The canonical runs of an agent, newest first, after a place, each with where it comes from. The limit stands below the
-- join, so that a page costs the same for an agent with many runs.
-- $1 the agent's URL; $2, $3 the place: tested_at and id of the last run of the page before; $4 runs to return
SELECT r.id, r.tested_at::text AS "testedAt", r.overall_status::text AS status, r.headline, r.lifecycle_stage::text AS stage,
       r.total_duration_ms AS "durationMs", r.tracks_passed AS passed, r.tracks_failed AS failed,
       r.tracks_partial AS partial, r.tracks_skipped AS skipped, r.triggered_by::text AS "triggeredBy",
       r.dry_run AS "dryRun", r.triggered_org_id::text AS organization,
       l.decision, l.reason, l.legacy_id AS "legacyId", l.source_deleted_at IS NOT NULL AS "legacyDeleted",
       CASE WHEN r.observations_json ->> 'backfill_script' = 'history-cdc' THEN 'ours'
            WHEN r.observations_json ->> 'backfill_source' = 'agent_test_history' THEN 'script'
            WHEN history_cdc.is_live_run(r.triggered_by, r.observations_json) THEN 'live'
            ELSE 'other' END AS whose
FROM (
  SELECT id, tested_at, overall_status, headline, lifecycle_stage, total_duration_ms, tracks_passed, tracks_failed,
         tracks_partial, tracks_skipped, triggered_by, dry_run, triggered_org_id, observations_json
  FROM public.agent_compliance_runs
  WHERE agent_url = $1::text AND tested_at <= $2::timestamptz AND (tested_at, id) < ($2::timestamptz, $3::uuid)
  ORDER BY tested_at DESC, id DESC
  LIMIT $4::integer
) AS r
LEFT JOIN history_cdc.ledger l ON l.canonical_run_id = r.id
ORDER BY r.tested_at DESC, r.id DESC
