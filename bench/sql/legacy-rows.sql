-- Legacy rows number $1 to $2. Of twenty, 15 are owners' runs, 3 a stranger's and 2 nobody's. They lie $4 apart, before $3.
INSERT INTO agent_test_history (id, agent_context_id, scenario, overall_passed, steps_passed, steps_failed, total_duration_ms, summary, dry_run,
                                brief, triggered_by, user_id, steps_json, agent_profile_json, started_at, completed_at)
SELECT bench.id('run', n), bench.id('context', r.context), CASE n % 4 WHEN 0 THEN 'quality_evaluation' ELSE 'storyboard:media_buy_seller' END,
       n % 5 > 1, n % 9, CASE WHEN n % 5 > 1 THEN 0 ELSE 1 + n % 3 END, 1000 + n % 30000,
       CASE WHEN n % 5 > 1 THEN 'All ' || n % 9 || ' steps passed (run ' || n || ')' ELSE 1 + n % 3 || ' steps failed in run ' || n || ': expected 200' END,
       n % 3 = 0, CASE WHEN n % 5 = 0 THEN 'Reach commuters in Berlin' END, 'user',
       CASE WHEN n % 20 < 15 THEN 'user_' || (r.context / 3) * 4 + n % 4
            WHEN n % 20 < 18 THEN 'user_' || (r.context / 3 + 7) % 500 * 4 + n % 4 END,
       s.body, p.body, $3::timestamptz - n * $4::interval, $3::timestamptz - n * $4::interval + interval '9 seconds'
FROM generate_series($1::bigint, $2::bigint) AS n
     -- One of the two agents that the organisation's profile lists.
     CROSS JOIN LATERAL (SELECT ((n * 7919) % 500 * 3 + n % 2)::integer AS context) AS r
     JOIN bench.profile p ON p.context = r.context
     JOIN bench.steps s ON s.slot = n % 50
