-- 500 organisations with four members and three contexts each. Of the three agents, the profile lists the first two; the
-- registry knows seven in ten.
INSERT INTO agent_contexts (id, organization_id, agent_url)
SELECT bench.id('context', n), 'org_' || n / 3, 'https://agent-' || n || '.example/mcp'
FROM generate_series(0, 1499) AS n;
INSERT INTO member_profiles (workos_organization_id, display_name, agents)
SELECT 'org_' || o, 'Organisation ' || o,
       jsonb_build_array(jsonb_build_object('url', 'https://agent-' || o * 3 || '.example/mcp'),
                         jsonb_build_object('url', 'https://agent-' || o * 3 + 1 || '.example/mcp'))
FROM generate_series(0, 499) AS o;
INSERT INTO organization_memberships (workos_user_id, workos_organization_id, email)
SELECT 'user_' || o * 4 + m, 'org_' || o, 'user-' || o * 4 + m || '@example.org'
FROM generate_series(0, 499) AS o, generate_series(0, 3) AS m;
INSERT INTO agent_registry_metadata (agent_url, lifecycle_stage)
SELECT 'https://agent-' || n || '.example/mcp', (ARRAY['production', 'testing', 'development'])[1 + n % 3]
FROM generate_series(0, 1499) AS n WHERE n % 10 < 7;

-- What runs carry: each agent's profile, as it came with every run of it, and 50 protocols of steps.
INSERT INTO bench.profile
SELECT n, jsonb_build_object(
         'name', 'Agent ' || n, 'adcp_version', '2.1', 'account', 12345678901234567000 + n,
         'tools', (SELECT jsonb_agg(jsonb_build_object('name', 'tool_' || t || '_' || left(md5(n || '/' || t), 6)) ||
                                    CASE WHEN bench.large() THEN jsonb_build_object(
                                      'description', md5(n || '-' || t) || ' ' || md5(t || '-' || n) || '. Accepts a brief and answers with offers. ' || md5(n || ':' || t),
                                      'required', '["brief", "brand_manifest"]'::jsonb) ELSE '{}' END)
                   FROM generate_series(1, CASE WHEN bench.large() THEN 8 ELSE 4 END) AS t))
FROM generate_series(0, 1499) AS n;
INSERT INTO bench.steps
SELECT n, jsonb_agg(jsonb_build_object('scenario', 'media_buy_seller/phase_' || s, 'passed', (n + s) % 4 > 0, 'duration_ms', 20 + n * s,
                                       'error', CASE WHEN (n + s) % 4 = 0 THEN 'expected 200, got 50' || s END))
FROM generate_series(0, 49) AS n, generate_series(1, CASE WHEN bench.large() THEN 6 ELSE 3 END) AS s
GROUP BY n;
ANALYZE bench.profile, bench.steps, agent_contexts, member_profiles, organization_memberships, agent_registry_metadata;
