-- Writes the application's tables as CSV into the folder where psql runs. See docs/check-from-outside.md.
\copy (SELECT id, agent_context_id, overall_passed, total_duration_ms, summary, user_id, started_at AT TIME ZONE 'UTC' AS at FROM agent_test_history WHERE isfinite(started_at)) TO 'legacy.csv' WITH (FORMAT csv, HEADER, NULL '\N')
\copy (SELECT id, organization_id, agent_url FROM agent_contexts) TO 'contexts.csv' WITH (FORMAT csv, HEADER)
\copy (SELECT workos_user_id, workos_organization_id FROM organization_memberships) TO 'memberships.csv' WITH (FORMAT csv, HEADER)
\copy (SELECT workos_organization_id, agents FROM member_profiles) TO 'profiles.csv' WITH (FORMAT csv, HEADER)
\copy (SELECT agent_url FROM agent_registry_metadata WHERE compliance_opt_out) TO 'opted-out.csv' WITH (FORMAT csv, HEADER)
\copy (SELECT id, agent_url, overall_status, headline, total_duration_ms, tested_at AT TIME ZONE 'UTC' AS at FROM agent_compliance_runs WHERE triggered_by = 'owner_test' AND isfinite(tested_at)) TO 'runs.csv' WITH (FORMAT csv, HEADER, NULL '\N')
