-- The limit: every owner's run in one statement, joined and mapped inside Postgres. It locks for as long as it runs, cannot
-- be run twice, and records no decision. Ownership as in docs/architecture.md, but for URLs that are not canonical.
INSERT INTO agent_compliance_runs (agent_url, lifecycle_stage, overall_status, headline, total_duration_ms, tested_at, tracks_passed, tracks_failed,
                                   agent_profile_json, observations_json, triggered_by, dry_run, triggered_org_id)
SELECT c.agent_url, coalesce(m.lifecycle_stage, 'production'), CASE WHEN h.overall_passed THEN 'passing' ELSE 'failing' END, h.summary,
       h.total_duration_ms, h.started_at, h.steps_passed, h.steps_failed, h.agent_profile_json,
       jsonb_build_object('backfill_source', 'agent_test_history', 'backfill_source_id', h.id, 'backfill_script', 'bulk-insert',
                          'original_scenario', h.scenario, 'backfill_user_id', h.user_id, 'backfill_org_id', c.organization_id),
       'owner_test', coalesce(h.dry_run, true), c.organization_id
FROM agent_test_history h
     JOIN agent_contexts c ON c.id = h.agent_context_id
     JOIN organization_memberships u ON u.workos_user_id = h.user_id AND u.workos_organization_id = c.organization_id
     JOIN (SELECT DISTINCT p.workos_organization_id, agent ->> 'url' AS agent_url
           FROM member_profiles p CROSS JOIN LATERAL jsonb_array_elements(p.agents) AS agent) AS listed
       ON listed.workos_organization_id = c.organization_id AND listed.agent_url = c.agent_url
     LEFT JOIN agent_registry_metadata m ON m.agent_url = c.agent_url
WHERE NOT coalesce(m.compliance_opt_out, false)
