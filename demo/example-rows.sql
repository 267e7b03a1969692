-- A handful of rows for docker-compose.yml, one of each kind, so that the first `docker compose up` has something to
-- project. Safe to run again. `history-cdc demo` makes its own history, of any size.
INSERT INTO agent_contexts (id, organization_id, agent_url) VALUES
  ('0c000000-0000-4000-8000-000000000001', 'org_example', 'https://shop.example/mcp'),
  ('0c000000-0000-4000-8000-000000000002', 'org_example', 'https://quiet.example/mcp')
ON CONFLICT DO NOTHING;

INSERT INTO member_profiles (id, workos_organization_id, display_name, slug, agents) VALUES
  ('0b000000-0000-4000-8000-000000000001', 'org_example', 'Example', 'example',
   '[{"url": "https://shop.example/mcp"}, {"url": "https://quiet.example/mcp"}]')
ON CONFLICT DO NOTHING;

INSERT INTO organization_memberships (workos_user_id, workos_organization_id, email) VALUES
  ('user_owner', 'org_example', 'owner@shop.example')
ON CONFLICT DO NOTHING;

INSERT INTO agent_registry_metadata (agent_url, compliance_opt_out) VALUES
  ('https://shop.example/mcp', false),
  ('https://quiet.example/mcp', true)
ON CONFLICT DO NOTHING;

INSERT INTO agent_test_history
  (id, agent_context_id, scenario, overall_passed, steps_passed, steps_failed, total_duration_ms, summary, dry_run, user_id, started_at)
VALUES
  -- An owner's runs: projected.
  ('0a000000-0000-4000-8000-000000000001', '0c000000-0000-4000-8000-000000000001', 'quality_evaluation', true, 9, 0, 5120, '9 of 9 steps passed', false, 'user_owner', '2026-01-05T09:00:00Z'),
  ('0a000000-0000-4000-8000-000000000002', '0c000000-0000-4000-8000-000000000001', 'storyboard:checkout', false, 6, 3, 8800, '6 of 9 steps passed', false, 'user_owner', '2026-02-11T16:30:00Z'),
  -- Somebody else's: third_party.
  ('0a000000-0000-4000-8000-000000000003', '0c000000-0000-4000-8000-000000000001', 'quality_evaluation', true, 9, 0, 4900, '9 of 9 steps passed', false, 'user_stranger', '2026-02-12T10:00:00Z'),
  -- Nobody's: anonymous.
  ('0a000000-0000-4000-8000-000000000004', '0c000000-0000-4000-8000-000000000001', 'quality_evaluation', true, 9, 0, 4700, '9 of 9 steps passed', false, NULL, '2026-02-13T10:00:00Z'),
  -- An owner's, of an agent that opted out of monitoring: opted_out.
  ('0a000000-0000-4000-8000-000000000005', '0c000000-0000-4000-8000-000000000002', 'quality_evaluation', true, 4, 0, 2100, '4 of 4 steps passed', false, 'user_owner', '2026-03-01T08:15:00Z')
ON CONFLICT DO NOTHING;
