-- What the canonical tables hold before history-cdc comes: the earlier script's copies, and rows of the live paths
-- that have nothing to do with the legacy table.

-- The script got through the older half of every sixth organisation's history before it was stopped. It copied some
-- rows twice, and two rows of users who owned nothing.
CREATE TABLE demo.script_row AS
SELECT h.id AS legacy_id, copy
FROM agent_test_history h
     JOIN demo.expected e ON e.legacy_id = h.id
     JOIN demo.context c ON c.id = h.agent_context_id
     CROSS JOIN LATERAL generate_series(1, CASE WHEN ('x' || right(h.id::text, 2))::bit(8)::integer < 8 THEN 2 ELSE 1 END) AS copy
WHERE e.decisions && '{projected,opted_out}' AND c.organisation_n % 6 = 0
  AND h.started_at > '2020-01-01' AND h.started_at < demo.ends_at() - interval '194 days';
INSERT INTO demo.script_row
SELECT e.legacy_id, 1 FROM demo.expected e JOIN demo.context c ON c.id = e.context_id
WHERE e.decisions = '{third_party}' AND c.kind = 'owned' AND c.organisation_n % 6 = 0 ORDER BY e.legacy_id LIMIT 2;

UPDATE demo.expected SET decisions = '{adopted}'
WHERE decisions <> '{third_party}' AND legacy_id IN (SELECT legacy_id FROM demo.script_row);

INSERT INTO agent_compliance_runs (id, agent_url, lifecycle_stage, overall_status, headline, total_duration_ms, tested_at, tracks_passed, tracks_failed,
                                   agent_profile_json, observations_json, triggered_by, dry_run, triggered_org_id)
SELECT demo.uuid('script copy of ' || h.id, s.copy), a.url, coalesce(CASE WHEN a.registered OR a.opted_out THEN a.stage END, 'production'),
       CASE WHEN h.overall_passed THEN 'passing' ELSE 'failing' END, h.summary, h.total_duration_ms, h.started_at, h.steps_passed, h.steps_failed, h.agent_profile_json,
       jsonb_build_object('backfill_source', 'agent_test_history', 'backfill_source_id', h.id, 'backfill_script', 'backfill-owner-test-history',
                          'original_scenario', h.scenario, 'backfill_user_id', h.user_id, 'backfill_org_id', c.organization_id),
       'owner_test', coalesce(h.dry_run, true), c.organization_id
FROM demo.script_row s
     JOIN agent_test_history h ON h.id = s.legacy_id
     JOIN demo.context c ON c.id = h.agent_context_id
     JOIN demo.agent a ON a.n = c.agent_n;

-- Bystanders. The scheduled and manual checks are of agents that the history knows; the live owner tests are of
-- agents that it does not, so none of them is the live twin of a legacy row; and none is older than the live path.
INSERT INTO agent_compliance_runs (id, agent_url, lifecycle_stage, overall_status, headline, total_duration_ms, tested_at, tracks_json, tracks_passed, tracks_failed,
                                   tracks_skipped, agent_profile_json, observations_json, triggered_by, dry_run, triggered_org_id, adcp_version)
SELECT demo.uuid('bystander', i),
       CASE by WHEN 'owner_test' THEN 'https://bystander-' || i % 97 || '.example/mcp' ELSE a.url END,
       coalesce(a.stage, 'production'), (ARRAY['passing', 'passing', 'failing', 'partial'])[1 + demo.pick('verdict', i, 4)], 'Live run ' || i,
       demo.pick('live takes', i, 9000), demo.ends_at() - demo.roll('live at', i) * CASE by WHEN 'owner_test' THEN interval '14 days' ELSE interval '300 days' END,
       '[{"track": "core", "status": "pass"}]', 1, i % 2, i % 3, f.body, CASE i % 3 WHEN 0 THEN '{"note": "live"}'::jsonb END, by, by <> 'owner_test',
       CASE WHEN by = 'owner_test' AND i % 2 = 0 THEN demo.provider_id('org', 1 + i % 7) END, '2.1'
FROM generate_series(1, greatest(500, demo.rows() / 20)) AS i
     CROSS JOIN LATERAL (SELECT (ARRAY['heartbeat', 'manual', 'webhook', 'owner_test'])[1 + i % 4]) AS path (by)
     JOIN demo.agent a ON a.n = 1 + demo.pick('live agent', i, (SELECT max(n) FROM demo.agent))
     JOIN demo.profile f ON f.agent_n = a.n AND f.version = 2;

INSERT INTO demo.live_run (id, hash) SELECT id, md5(r::text) FROM agent_compliance_runs r WHERE agent_url LIKE 'https://bystander-%';

INSERT INTO agent_compliance_step_diagnostics (id, run_id, storyboard_id, step_id, passed, duration_ms, message, created_at)
SELECT demo.uuid('diagnostic', i), demo.uuid('bystander', i), 'media_buy_seller', 'brief', i % 2 = 0, i, 'kept with its run', demo.ends_at()
FROM generate_series(1, 300) AS i;

INSERT INTO agent_compliance_status (agent_url, status, last_checked_at, last_passed_at, streak_days, tracks_summary_json, headline, updated_at, adcp_version)
SELECT url, (ARRAY['passing', 'passing', 'degraded', 'failing', 'unknown'])[1 + demo.pick('status', n, 5)], demo.ends_at() - interval '1 day' * demo.roll('checked', n),
       demo.ends_at() - interval '9 days' * demo.roll('passed', n), demo.pick('streak', n, 40), '{"core": "pass"}', 'Live verdict', demo.ends_at(), '2.1'
FROM demo.agent WHERE demo.roll('has status', n) < 0.8;

ANALYZE;
