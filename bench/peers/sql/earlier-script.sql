-- One chunk of the earlier script: the legacy rows $1. It takes everybody with a user id for an owner; it is idempotent by a
-- guard that no index serves; and it keeps away from what the live path may have recorded by leaving out every row since.
INSERT INTO agent_compliance_runs (agent_url, lifecycle_stage, overall_status, headline, total_duration_ms, tested_at, tracks_passed, tracks_failed,
                                   agent_profile_json, observations_json, triggered_by, dry_run, triggered_org_id)
SELECT c.agent_url, coalesce(m.lifecycle_stage, 'production'), CASE WHEN h.overall_passed THEN 'passing' ELSE 'failing' END, h.summary,
       h.total_duration_ms, h.started_at, h.steps_passed, h.steps_failed, h.agent_profile_json,
       jsonb_build_object('backfill_source', 'agent_test_history', 'backfill_source_id', h.id, 'backfill_script', 'backfill-owner-test-history',
                          'original_scenario', h.scenario, 'backfill_user_id', h.user_id, 'backfill_org_id', c.organization_id),
       'owner_test', coalesce(h.dry_run, true), c.organization_id
FROM agent_test_history h
     JOIN agent_contexts c ON c.id = h.agent_context_id
     LEFT JOIN agent_registry_metadata m ON m.agent_url = c.agent_url
WHERE h.id = ANY ($1::uuid[]) AND h.user_id IS NOT NULL
  AND h.started_at < coalesce((SELECT min(r.tested_at) FROM agent_compliance_runs r
                               WHERE r.triggered_by = 'owner_test' AND r.observations_json ->> 'backfill_source' IS NULL), 'infinity')
  AND NOT EXISTS (SELECT FROM agent_compliance_runs r WHERE r.observations_json ->> 'backfill_source_id' = h.id::text)
