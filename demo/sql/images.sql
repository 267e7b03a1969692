-- What each run shows, whichever table it is written to. Every run has a headline or a duration of its own, so two
-- runs look alike only where their plan says so: a run without a headline took as many milliseconds as no other.
CREATE VIEW demo.image AS
SELECT r.n, r.content_n, r.id, r.context_id, r.agent_n, r.user_id, r.started_at, r.edge, r.path,
       CASE WHEN r.content_n % 4 = 0 THEN 'quality_evaluation' ELSE 'storyboard:' || s.storyboard END AS scenario,
       s.failed = 0 AS overall_passed, s.passed AS steps_passed, s.failed AS steps_failed, s.duration_ms AS took_ms,
       CASE WHEN r.bare THEN NULL
            WHEN f.untitled THEN 600000 + r.content_n::integer
            WHEN demo.roll('timed', r.content_n) >= 0.06 THEN s.duration_ms + demo.pick('jitter', r.content_n, 400) END AS total_duration_ms,
       CASE WHEN r.bare OR f.untitled THEN NULL
            WHEN r.content_n % 5000 = 17 THEN '__debezium_unavailable_value'
            WHEN s.failed = 0 THEN 'All ' || s.passed || ' steps passed ✓ (run ' || r.content_n || ')'
            ELSE s.failed || ' of ' || s.passed + s.failed || ' steps failed in run ' || r.content_n || E':\n"expected 200"; it''s the agent''s \\ server' END AS summary,
       CASE WHEN demo.roll('dry', r.content_n) < 0.60 THEN true WHEN demo.roll('dry', r.content_n) < 0.95 THEN false END AS dry_run,
       CASE WHEN demo.roll('brief', r.content_n) < 0.2 THEN 'Reach commuters in ' || (ARRAY['Berlin', '東京', 'São Paulo'])[1 + demo.pick('brief', r.content_n, 3)] END AS brief,
       (ARRAY['user', 'user', 'user', 'scheduled', 'api', NULL])[1 + demo.pick('triggered by', r.content_n, 6)] AS triggered_by,
       CASE WHEN demo.roll('steps kept', r.content_n) >= 0.05 THEN s.body END AS steps_json,
       CASE WHEN r.content_n % 151 = 23 THEN l.body
            WHEN r.hard_case IS NULL AND demo.roll('profiled', r.content_n) < 0.04 THEN NULL
            WHEN r.content_n % 1000 = 999 THEN 'null'::jsonb
            ELSE p.body END AS agent_profile_json
FROM demo.run r
     CROSS JOIN LATERAL (SELECT r.hard_case IS NULL AND demo.roll('summarised', r.content_n) < 0.04 AS untitled) AS f
     JOIN demo.run_steps s ON s.slot = demo.pick('run', r.content_n, 240)
     LEFT JOIN demo.profile p ON p.agent_n = r.agent_n AND p.version = demo.pick('version', r.content_n, 3)
     LEFT JOIN demo.large_profile l ON l.slot = demo.pick('catalogue', r.content_n, 40);
