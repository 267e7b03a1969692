-- What runs carry in their JSON columns. Runs of one agent repeat its profile, as real ones do, until it changes.

-- Three versions of each agent's profile, 0.5 to 4 kB.
CREATE TABLE demo.profile (agent_n integer NOT NULL, version integer NOT NULL, body jsonb NOT NULL, PRIMARY KEY (agent_n, version));
INSERT INTO demo.profile
SELECT a.n, version, jsonb_build_object(
         'name', 'Agent ' || a.n || ' – “' || a.url || '”',
         'adcp_version', '2.' || version,
         'protocol', CASE a.n % 2 WHEN 0 THEN 'mcp' ELSE 'a2a' END,
         -- Numbers that a trip through a JavaScript number would change.
         'account', 12345678901234567000 + a.n, 'floor_price', 1.0, 'share', 0.10000000000000000001,
         'tools', (SELECT jsonb_agg(jsonb_build_object(
                     'name', (ARRAY['get_products', 'create_media_buy', 'list_creatives', 'sync_creatives', 'get_signals', 'activate_signal', 'get_media_buy_delivery'])[1 + (tool + a.n) % 7] || '_v' || tool,
                     'description', 'Tool ' || tool || ' of the agent; ' || md5(a.n || '/' || version || '/' || tool) || '. ' || repeat('Accepts a brief and answers with offers. ', 1 + (a.n + tool) % 3),
                     'required', jsonb_build_array('brief', 'brand_manifest'), 'latency_ms', demo.pick('latency', a.n * 100 + tool, 900)))
                   FROM generate_series(1, 2 + demo.pick('tools', a.n * 3 + version, 10)) AS tool))
FROM demo.agent a, generate_series(0, 2) AS version;

-- Large ones, 20 to 60 kB that do not compress: Postgres stores them out of line, so an update of another column
-- leaves them out of the event.
CREATE TABLE demo.large_profile (slot integer PRIMARY KEY, body jsonb NOT NULL);
INSERT INTO demo.large_profile
SELECT slot, jsonb_build_object('name', 'Agent with a catalogue', 'catalogue', slot, 'products', demo.noise(slot, 20000 + demo.pick('large', slot, 40000)))
FROM generate_series(0, 39) AS slot;

-- 240 recorded runs: 1 to 4 phases of a storyboard, 1 to 5 steps each; six in ten pass as a whole.
CREATE TABLE demo.run_steps (
  slot integer PRIMARY KEY, storyboard text NOT NULL, passed integer NOT NULL, failed integer NOT NULL, duration_ms integer NOT NULL, body jsonb NOT NULL
);
INSERT INTO demo.run_steps
WITH step AS (
  SELECT slot, storyboard, phase, step,
         demo.roll('run passes', slot) < 0.6 OR demo.roll('step passes', (slot * 10 + phase) * 10 + step) < 0.7 AS passed,
         20 + demo.pick('step takes', (slot * 10 + phase) * 10 + step, 1500) AS duration_ms
  FROM generate_series(0, 239) AS slot,
       LATERAL (SELECT (ARRAY['media_buy_seller', 'creative_sync', 'signals_discovery', 'brand_rights', 'performance_feedback', 'capability_discovery'])[1 + slot % 6]) AS named (storyboard),
       LATERAL generate_series(1, 1 + demo.pick('phases', slot, 4)) AS phase,
       LATERAL generate_series(1, 1 + demo.pick('steps', slot * 10 + phase, 5)) AS step
)
SELECT slot, storyboard, count(*) FILTER (WHERE passed), count(*) FILTER (WHERE NOT passed), sum(duration_ms),
       jsonb_agg(jsonb_build_object(
         'scenario', storyboard || '/' || (ARRAY['discovery', 'brief', 'purchase', 'delivery'])[phase], 'step', 'step ' || step, 'passed', passed,
         'duration_ms', duration_ms, 'error', CASE WHEN NOT passed THEN 'expected 200, got ' || 500 + step END) ORDER BY phase, step)
FROM step GROUP BY slot, storyboard;

-- Times that are easily mangled on the way. 1582-10-10 exists in Postgres' calendar and not in Java's.
CREATE TABLE demo.edge_time (n integer PRIMARY KEY, started_at timestamptz NOT NULL);
INSERT INTO demo.edge_time VALUES
  (1, '1970-01-01 00:00:00+00'), (2, '1969-12-31 23:59:59.999999+00'), (3, '2024-02-29 23:59:59.999999+00'),
  (4, '2025-03-30 01:59:59.999999+00'), (5, '2025-10-26 00:30:00.000001+00'), (6, '2038-01-19 03:14:08+00'),
  (7, '9999-12-31 23:59:59.999999+00'), (8, '1582-10-10 12:00:00+00'), (9, '0001-01-01 00:00:00+00'),
  (10, '0044-03-15 12:00:00+00 BC'), (11, '294276-12-31 23:59:59.999999+00'), (12, 'infinity'), (13, '-infinity');
ANALYZE demo.profile;
ANALYZE demo.run_steps;
