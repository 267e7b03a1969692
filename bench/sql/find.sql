-- A ledger of $1 rows with what it refers to, for bench/find.ts: 1,500 agents of 500 organisations with 2,000 users, and some
-- values that few rows have, or only old rows.
CREATE SCHEMA bench;
CREATE FUNCTION bench.id(what text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN md5(what || n)::uuid;
INSERT INTO agent_contexts (id, organization_id, agent_url)
SELECT bench.id('context', n), 'org_' || n / 3, CASE WHEN n >= 1500 THEN 'https://rare-' || n - 1500 ELSE 'https://agent-' || n END || '.example/mcp'
FROM generate_series(0, 1511) AS n;
INSERT INTO organization_memberships (workos_user_id, workos_organization_id, email)
SELECT 'user_' || o * 4 + m, 'org_' || o, 'user-' || o * 4 + m || '@example.org'
FROM generate_series(0, 499) AS o, generate_series(0, 3) AS m;
CREATE UNLOGGED TABLE bench.row AS
SELECT n, bench.id('run', n) AS id, c.context, bench.id('context', c.context) AS context_id,
       CASE WHEN c.context >= 1500 THEN 'https://rare-' || c.context - 1500 ELSE 'https://agent-' || c.context END || '.example/mcp' AS agent_url,
       'org_' || c.context / 3 AS organization,
       CASE WHEN n % 333331 = 1 THEN 'user_rare' WHEN n % 20 < 18 THEN 'user_' || (c.context / 3) * 4 + n % 4 END AS "user",
       CASE WHEN n % 10007 = 3 THEN 'orphaned' WHEN n % 200003 = 5 THEN 'quarantined' WHEN n < 50000 AND n % 20 = 17 THEN 'opted_out'
            WHEN n % 20 < 15 THEN 'projected' WHEN n % 20 < 18 THEN 'third_party' ELSE 'anonymous' END AS decision,
       '2026-11-30'::timestamptz - ($1 - n) * interval '47 seconds' AS at
FROM generate_series(1::bigint, $1) AS n
     CROSS JOIN LATERAL (SELECT CASE WHEN n % 100003 = 7 THEN 1500 + n % 12 ELSE (n * 7919) % 1500 END::integer AS context) AS c;
INSERT INTO agent_test_history (id, agent_context_id, scenario, overall_passed, steps_passed, steps_failed, total_duration_ms, summary,
                                dry_run, user_id, agent_profile_json, started_at)
SELECT id, context_id, 'quality_evaluation', n % 5 > 1, n % 9, n % 3, 1000 + n % 30000, 'Run ' || n || ': ' || n % 9 || ' steps passed', false, "user",
       '{"name": "agent"}', at
FROM bench.row;
INSERT INTO agent_compliance_runs (id, agent_url, lifecycle_stage, overall_status, headline, total_duration_ms, tested_at, agent_profile_json,
                                   observations_json, triggered_by, dry_run)
SELECT bench.id('canonical', n), agent_url, 'production', 'passing', 'Run ' || n, 1000, at, '{"name": "agent"}',
       history_cdc.run_provenance(id, 'quality_evaluation', "user", organization, NULL), 'owner_test', false
FROM bench.row WHERE decision = 'projected';
INSERT INTO history_cdc.topic (topic_id, name, partitions) VALUES (bench.id('topic', 0), 'bench', 1);
INSERT INTO history_cdc.ledger (legacy_id, decision, reason, canonical_run_id, rule_version, agent_context_id, user_id, organization_id, agent_url,
                                lifecycle_stage, is_member, lists_agent, opted_out, topic_id, partition, "offset", op, snapshot, started_at)
SELECT id, decision,
       CASE decision WHEN 'projected' THEN 'owner' WHEN 'third_party' THEN CASE n % 2 WHEN 0 THEN 'not_member' ELSE 'not_listed' END ELSE decision END,
       CASE decision WHEN 'projected' THEN bench.id('canonical', n) END, 2, context_id, "user", organization, agent_url, 'production',
       decision = 'projected', decision = 'projected', false, bench.id('topic', 0), 0, n, 'c', false, at
FROM bench.row ORDER BY n;
INSERT INTO history_cdc.quarantine (topic_id, partition, "offset", legacy_id, reason, detail)
SELECT bench.id('topic', 0), 0, n, id, 'undecodable', 'a record of the bench' FROM bench.row WHERE decision = 'quarantined';
ANALYZE;
