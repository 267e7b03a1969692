-- The live path's row of every owner's run: what its request wrote a moment before the legacy row.
INSERT INTO agent_compliance_runs (agent_url, lifecycle_stage, overall_status, headline, total_duration_ms, tested_at, tracks_json, tracks_passed,
                                   tracks_failed, agent_profile_json, triggered_by, dry_run, triggered_org_id)
SELECT c.agent_url, coalesce(m.lifecycle_stage, 'production'), CASE WHEN h.overall_passed THEN 'passing' ELSE 'failing' END, h.summary,
       h.total_duration_ms, h.started_at - interval '12 ms', '[{"track": "core"}]', h.steps_passed, h.steps_failed, h.agent_profile_json,
       'owner_test', false, c.organization_id
FROM agent_test_history h
     JOIN agent_contexts c ON c.id = h.agent_context_id
     JOIN organization_memberships u ON u.workos_user_id = h.user_id AND u.workos_organization_id = c.organization_id
     LEFT JOIN agent_registry_metadata m ON m.agent_url = c.agent_url
