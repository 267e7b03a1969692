-- One row a hard case, of organisation 0 and its first agent, beside ordinary rows; all of them are older than the first
-- live row but the last two.
CREATE TABLE bench.hard_case (name text PRIMARY KEY, id uuid NOT NULL);
INSERT INTO bench.hard_case
SELECT name, bench.id(name, 0)
FROM unnest('{large jsonb,large text,"null",stranger,recorded,straggler}'::text[]) AS name;
INSERT INTO agent_test_history (id, agent_context_id, scenario, overall_passed, steps_passed, steps_failed, total_duration_ms, summary, dry_run, user_id,
                                agent_profile_json, started_at)
SELECT id, bench.id('context', 0), 'quality_evaluation', true, 3, 0, 4321,
       -- Large values are stored out of line, so an update of another column leaves them out of the event.
       CASE name WHEN 'large text' THEN noise.text ELSE 'case: ' || name END,
       CASE WHEN name <> 'null' THEN false END, CASE name WHEN 'stranger' THEN 'user_40' ELSE 'user_0' END,
       CASE name WHEN 'large jsonb' THEN jsonb_build_object('noise', noise.text) ELSE '{"name": "agent"}' END,
       CASE name WHEN 'recorded' THEN '2026-11-02 00:00:00.012Z' WHEN 'straggler' THEN '2026-11-03Z' ELSE '2026-10-01Z' END::timestamptz
FROM bench.hard_case, (SELECT string_agg(md5(i::text), '') AS text FROM generate_series(1, 600) AS i) AS noise;
INSERT INTO agent_compliance_runs (agent_url, lifecycle_stage, overall_status, headline, total_duration_ms, tested_at, agent_profile_json,
                                   triggered_by, dry_run)
VALUES ('https://agent-0.example/mcp', 'production', 'passing', 'case: recorded', 4321, '2026-11-02 00:00:00Z', '{"name": "agent"}', 'owner_test', false);
