-- Organisations, their people and the agents they list.
INSERT INTO demo.organisation
SELECT n, demo.provider_id('org', n), name, lower(replace(name, ' ', '-')) || '-' || n,
       CASE n % 50
         WHEN 7  THEN 'agents is not an array'
         WHEN 13 THEN 'agents are strings'
         WHEN 19 THEN 'url is not a string'
         WHEN 26 THEN 'agents is null'
         WHEN 31 THEN 'no profile'
         WHEN 38 THEN 'rubbish among the agents'
         WHEN 44 THEN 'two profiles'
       END
FROM generate_series(1, demo.organisations()) AS n,
     LATERAL (SELECT (ARRAY['Northwind', 'Bluebird', 'Cobalt', 'Harbor', 'Juniper', 'Lantern', 'Meridian', 'Orchard', 'Pinecrest', 'Quarry', 'Redwood', 'Silverline'])[1 + demo.pick('name', n, 12)]
                  || ' ' || (ARRAY['Media', 'Signals', 'Audio', 'Outdoor', 'Commerce', 'Interactive', 'Video', 'Networks'])[1 + demo.pick('trade', n, 8)] AS name) AS named;

-- Two to nine members, one or two who left; in every 37th organisation one member belongs to the next one too.
INSERT INTO demo.person
SELECT n, 'member', slot, demo.provider_id('user', n * 100 + slot)
FROM demo.organisation, LATERAL generate_series(0, 1 + demo.pick('members', n, 8)) AS slot
UNION ALL
SELECT n, 'removed', slot, demo.provider_id('user', n * 100 + 50 + slot)
FROM demo.organisation, LATERAL generate_series(0, demo.pick('removed', n, 2)) AS slot;
INSERT INTO demo.person
SELECT n + 1, 'member', (SELECT max(slot) + 1 FROM demo.person p WHERE p.organisation_n = n + 1 AND p.standing = 'member'),
       demo.provider_id('user', n * 100)
FROM demo.organisation WHERE n % 37 = 0 AND EXISTS (SELECT FROM demo.organisation next WHERE next.n = demo.organisation.n + 1);

INSERT INTO organization_memberships (id, workos_user_id, workos_organization_id, email, first_name, role, synced_at, created_at, updated_at)
SELECT demo.uuid('membership', p.organisation_n * 100 + p.slot), p.id, o.id, lower(p.id) || '@' || o.slug || '.example',
       (ARRAY['Ada', 'Ben', 'Chloé', 'Dmitri', 'Eun-ji', 'Farid', 'Grace', 'Hana', 'Iván', 'Jürgen'])[1 + demo.pick('first name', p.organisation_n * 100 + p.slot, 10)],
       CASE p.slot WHEN 0 THEN 'owner' WHEN 1 THEN 'admin' ELSE 'member' END, demo.ends_at(), demo.ends_at(), demo.ends_at()
FROM demo.person p JOIN demo.organisation o ON o.n = p.organisation_n
WHERE p.standing = 'member';

-- One to five agents an organisation, and some that nobody lists. One in twenty opted out of monitoring.
INSERT INTO demo.agent
SELECT row_number() OVER (ORDER BY o.n, position), o.n, position,
       'https://' || (ARRAY['ads', 'sales', 'signals', 'creative', 'mcp'])[position] || '.' || o.slug || '.example'
         || (ARRAY['', '/mcp', '/a2a', '/agents/sales', '/v2/mcp'])[1 + demo.pick('path', o.n * 10 + position, 5)],
       (ARRAY['production', 'production', 'production', 'testing', 'development', 'deprecated', NULL])[1 + demo.pick('stage', o.n * 10 + position, 7)],
       demo.roll('opted out', o.n * 10 + position) < 0.05,
       demo.roll('registered', o.n * 10 + position) < 0.7
FROM demo.organisation o,
     LATERAL generate_series(1, (ARRAY[1, 1, 1, 2, 2, 3, 5])[1 + demo.pick('agents', o.n, 7)]) AS position;
INSERT INTO demo.agent
SELECT (SELECT max(n) FROM demo.agent) + i, NULL, 1, 'https://unlisted-' || i || '.example/mcp', NULL, false, false
FROM generate_series(1, 1 + demo.organisations() / 10) AS i;

-- Profiles spell the URLs of a quarter of their agents as somebody typed them. Every 25th organisation also lists
-- an agent of the next one.
INSERT INTO demo.listing
SELECT listed_by, n, demo.spelled(url, greatest(0, demo.pick('listed as', n, 20) - 14))
FROM demo.agent WHERE listed_by IS NOT NULL
UNION ALL
SELECT listed_by - 1, n, demo.spelled(url, 1)
FROM demo.agent WHERE listed_by % 25 = 11 AND position = 1;

-- Names no agent, though the profile lists the very same text.
CREATE TABLE demo.no_agent AS
SELECT o.n AS organisation_n,
       (ARRAY['*', 'https://*.' || o.slug || '.example', 'https://my agent.' || o.slug || '.example', '   ', '///', E'https://bell.\u0007' || o.slug || '.example'])[1 + (o.n / 11) % 6] AS url
FROM demo.organisation o WHERE o.n % 11 = 3 AND o.quirk IS NULL;

INSERT INTO member_profiles (id, workos_organization_id, display_name, slug, tagline, contact_email, contact_website, headquarters, markets, offerings, agents, metadata, is_public, created_at, updated_at)
SELECT demo.uuid('profile', o.n * 10 + part), o.id, o.name, o.slug || CASE part WHEN 0 THEN '' ELSE '-' || part END,
       'Advertising, tested', 'hello@' || o.slug || '.example', 'https://' || o.slug || '.example',
       (ARRAY['Berlin', 'New York', 'São Paulo', 'Tokyo', 'Nairobi'])[1 + demo.pick('city', o.n, 5)],
       '["US", "DE", "BR"]', '{sales_agent,signals_agent}',
       CASE o.quirk
         WHEN 'agents is not an array'   THEN jsonb_build_object('primary', listed.agents)
         WHEN 'agents are strings'       THEN (SELECT jsonb_agg(agent -> 'url') FROM jsonb_array_elements(listed.agents) AS agent)
         WHEN 'url is not a string'      THEN (SELECT jsonb_agg(agent || jsonb_build_object('url', jsonb_build_array(agent -> 'url'))) FROM jsonb_array_elements(listed.agents) AS agent)
         WHEN 'agents is null'           THEN CASE o.n % 4 WHEN 2 THEN 'null'::jsonb END
         WHEN 'rubbish among the agents' THEN '[null, 7, "https://stray.example", {"name": "no url"}, {"url": null}, {"url": {"href": "x"}}]'::jsonb || listed.agents
         ELSE listed.agents
       END,
       jsonb_build_object('imported', o.n % 3 = 0), o.n % 2 = 0, demo.ends_at(), demo.ends_at()
FROM demo.organisation o
     CROSS JOIN LATERAL generate_series(0, CASE o.quirk WHEN 'two profiles' THEN 1 ELSE 0 END) AS part
     CROSS JOIN LATERAL (
       SELECT coalesce(jsonb_agg(jsonb_build_object('url', url, 'name', 'Agent ' || agent_n, 'type', 'sales', 'is_public', true)), '[]') AS agents
       FROM (SELECT url_as_typed AS url, agent_n FROM demo.listing WHERE organisation_n = o.n
             UNION ALL SELECT url, NULL FROM demo.no_agent WHERE organisation_n = o.n) AS one
       WHERE o.quirk IS DISTINCT FROM 'two profiles' OR (coalesce(agent_n, 0) + part) % 2 = 0
     ) AS listed
WHERE o.quirk IS DISTINCT FROM 'no profile';

INSERT INTO agent_registry_metadata (agent_url, lifecycle_stage, compliance_opt_out, check_interval_hours, created_at, updated_at)
SELECT demo.spelled(url, greatest(0, demo.pick('registered as', n, 20) - 14)), stage, opted_out OR CASE n % 9 WHEN 0 THEN NULL ELSE false END, 6 + n % 18, demo.ends_at(), demo.ends_at()
FROM demo.agent WHERE registered OR opted_out;

-- The run of the mill: the organisation's context of an agent that its profile lists. One in twelve is spelled
-- as somebody typed it.
INSERT INTO demo.context
SELECT demo.uuid('context', l.organisation_n * 10000 + l.agent_n), l.organisation_n, o.id, l.agent_n,
       demo.spelled(a.url, greatest(0, demo.pick('context as', l.organisation_n * 10000 + l.agent_n, 60) - 54)),
       CASE WHEN o.quirk IN ('agents is not an array', 'agents are strings', 'url is not a string', 'agents is null', 'no profile') THEN 'broken' ELSE 'owned' END
FROM demo.listing l JOIN demo.organisation o ON o.n = l.organisation_n JOIN demo.agent a ON a.n = l.agent_n;

-- A second context of the same agent in another spelling: what context merges are for.
INSERT INTO demo.context
SELECT demo.uuid('duplicate context', organisation_n * 10000 + agent_n), organisation_n, organization_id, agent_n, a.url || '////', kind, true
FROM demo.context JOIN demo.agent a ON a.n = agent_n
WHERE kind = 'owned' AND demo.roll('duplicated', organisation_n * 10000 + agent_n) < 0.06;

-- Contexts of agents that the organisation does not list: of other organisations, and of nobody.
INSERT INTO demo.context
SELECT demo.uuid('foreign context', o.n * 10 + k), o.n, o.id, a.n, a.url, 'foreign'
FROM demo.organisation o
     CROSS JOIN LATERAL generate_series(1, 1 + demo.pick('foreign', o.n, 3)) AS k
     CROSS JOIN LATERAL (SELECT n, url FROM demo.agent
                         WHERE n = 1 + demo.pick('foreign agent', o.n * 10 + k, (SELECT max(n) FROM demo.agent))) AS a
WHERE NOT EXISTS (SELECT FROM demo.listing l WHERE l.organisation_n = o.n AND l.agent_n = a.n)
ON CONFLICT (organization_id, agent_url) DO NOTHING;

INSERT INTO demo.context
SELECT demo.uuid('context of no agent', n.organisation_n), n.organisation_n, o.id, NULL, n.url, 'nobody'
FROM demo.no_agent n JOIN demo.organisation o ON o.n = n.organisation_n;

-- One context in eight has no rows.
UPDATE demo.context SET slot = numbered.slot
FROM (SELECT id, row_number() OVER (PARTITION BY kind ORDER BY id) - 1 AS slot
      FROM demo.context c
      WHERE duplicate OR kind = 'nobody' OR demo.roll('without rows', ('x' || right(id::text, 8))::bit(32)::bigint) >= 0.125) AS numbered
WHERE numbered.id = context.id;

INSERT INTO agent_contexts (id, organization_id, agent_url, agent_name, auth_type, auth_token_encrypted, auth_token_iv, auth_token_hint, created_at, updated_at)
SELECT c.id, c.organization_id, c.agent_url, 'Agent ' || coalesce(c.agent_n, 0), 'bearer',
       md5('token' || c.id) || md5('more' || c.id), left(md5('iv' || c.id), 16), '…' || right(md5(c.id::text), 4), demo.ends_at(), demo.ends_at()
FROM demo.context c;
CREATE TABLE demo.context_slots AS SELECT kind, count(slot) AS slots FROM demo.context GROUP BY kind;
CREATE TABLE demo.person_slots AS SELECT organisation_n, standing, count(*) AS slots FROM demo.person GROUP BY organisation_n, standing;
ANALYZE demo.context_slots;
ANALYZE demo.person_slots;
ANALYZE demo.person;
ANALYZE demo.context;
