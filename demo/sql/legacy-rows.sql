-- Legacy rows $1 to $2 of the history, and what should become of each. A row's fate is settled by what it is made
-- of: the kind of its context, and who its user is to the context's organisation.
--   $1, $2  first and last row      $3  'snapshot' or 'stream': streamed rows start now
WITH drawn AS MATERIALIZED (
  SELECT n, kind, who, floor(power(demo.roll('context', n), 1.5) * slots)::integer AS slot
  FROM (
    SELECT n,
           CASE WHEN n <= 24 AND $3 = 'snapshot' THEN 'owned'
                WHEN demo.roll('context kind', n) < 0.70 THEN 'owned'
                WHEN demo.roll('context kind', n) < 0.92 THEN 'foreign'
                WHEN demo.roll('context kind', n) < 0.99 THEN 'broken'
                ELSE 'nobody' END AS kind,
           CASE WHEN n <= 24 AND $3 = 'snapshot' THEN 'member'
                WHEN demo.roll('who', n) < 0.80 THEN 'member'
                WHEN demo.roll('who', n) < 0.90 THEN 'anonymous'
                WHEN demo.roll('who', n) < 0.95 THEN 'outsider'
                ELSE 'removed' END AS who
    FROM generate_series($1::bigint, $2::bigint) AS n
  ) AS rolled JOIN demo.context_slots USING (kind)
), in_context AS MATERIALIZED (
  SELECT d.n, d.kind, d.who, c.id AS context_id, c.agent_n,
         CASE d.who WHEN 'removed' THEN 'removed' ELSE 'member' END AS standing,
         -- An outsider is a member of an organisation half-way round.
         CASE d.who WHEN 'outsider' THEN (c.organisation_n - 1 + demo.organisations() / 2) % demo.organisations() + 1 ELSE c.organisation_n END AS organisation_n
  FROM drawn d JOIN demo.context c USING (kind, slot)
), by_user AS MATERIALIZED (
  SELECT i.*, demo.pick('person', i.n, p.slots) AS slot FROM in_context i JOIN demo.person_slots p USING (organisation_n, standing)
), planned AS MATERIALIZED (
  SELECT u.n, u.kind, u.who, demo.uuid('legacy', u.n) AS id, u.context_id, u.agent_n, coalesce(a.opted_out, false) AS opted_out,
         CASE u.who WHEN 'anonymous' THEN (ARRAY[NULL, NULL, NULL, '', '   '])[1 + demo.pick('blank', u.n, 5)] ELSE p.id END AS user_id,
         CASE $3::text WHEN 'stream' THEN clock_timestamp()
              ELSE coalesce(e.started_at, demo.ends_at() - (demo.rows() - u.n + demo.roll('started', u.n)) / demo.rows() * interval '548 days') END AS started_at,
         e.n IS NOT NULL AS edge
  FROM by_user u JOIN demo.person p USING (organisation_n, standing, slot)
       LEFT JOIN demo.agent a ON a.n = u.agent_n
       LEFT JOIN demo.edge_time e ON e.n = u.n AND $3 = 'snapshot'
), written AS (
  INSERT INTO agent_test_history (id, agent_context_id, scenario, overall_passed, steps_passed, steps_failed, total_duration_ms, summary, dry_run, brief,
                                  triggered_by, user_id, steps_json, agent_profile_json, started_at, completed_at)
  SELECT r.id, r.context_id,
         CASE WHEN r.n % 4 = 0 THEN 'quality_evaluation' ELSE 'storyboard:' || s.storyboard END,
         s.failed = 0, s.passed, s.failed,
         CASE WHEN demo.roll('timed', r.n) >= 0.06 THEN s.duration_ms + demo.pick('jitter', r.n, 400) END,
         CASE WHEN demo.roll('summarised', r.n) < 0.04 THEN NULL
              WHEN r.n % 5000 = 17 THEN '__debezium_unavailable_value'
              WHEN s.failed = 0 THEN 'All ' || s.passed || ' steps passed ✓'
              ELSE s.failed || ' of ' || s.passed + s.failed || E' steps failed:\n"expected 200"; it''s the agent''s \\ server' END,
         CASE WHEN demo.roll('dry', r.n) < 0.60 THEN true WHEN demo.roll('dry', r.n) < 0.95 THEN false END,
         CASE WHEN demo.roll('brief', r.n) < 0.2 THEN 'Reach commuters in ' || (ARRAY['Berlin', '東京', 'São Paulo'])[1 + demo.pick('brief', r.n, 3)] END,
         (ARRAY['user', 'user', 'user', 'scheduled', 'api', NULL])[1 + demo.pick('triggered by', r.n, 6)],
         r.user_id,
         CASE WHEN demo.roll('steps kept', r.n) >= 0.05 THEN s.body END,
         CASE WHEN r.n % 151 = 23 THEN l.body WHEN demo.roll('profiled', r.n) < 0.04 THEN NULL WHEN r.n % 1000 = 999 THEN 'null'::jsonb ELSE f.body END,
         r.started_at,
         CASE WHEN NOT r.edge AND demo.roll('completed', r.n) >= 0.03 THEN r.started_at + s.duration_ms * interval '1 ms' END
  FROM planned r
       JOIN demo.run_steps s ON s.slot = demo.pick('run', r.n, 240)
       LEFT JOIN demo.profile f ON f.agent_n = r.agent_n AND f.version = demo.pick('version', r.n, 3)
       LEFT JOIN demo.large_profile l ON l.slot = demo.pick('catalogue', r.n, 40)
)
INSERT INTO demo.expected (legacy_id, decisions, context_id, who, origin)
SELECT id,
       ARRAY[CASE WHEN who = 'anonymous' THEN 'anonymous'
                  WHEN kind <> 'owned' OR who <> 'member' THEN 'third_party'
                  WHEN opted_out THEN 'opted_out'
                  ELSE 'projected' END],
       context_id, who, $3
FROM planned;
