-- Writes the legacy rows of runs $1, those that have one, and notes what should become of each.
WITH drawn AS MATERIALIZED (
  SELECT i.*, coalesce(i.started_at, clock_timestamp()) AS started
  FROM demo.image i WHERE n = ANY ($1::bigint[]) AND path NOT IN ('new pod', 'failed legacy write')
), written AS (
  INSERT INTO agent_test_history (id, agent_context_id, scenario, overall_passed, steps_passed, steps_failed, total_duration_ms, summary, dry_run, brief,
                                  triggered_by, user_id, steps_json, agent_profile_json, started_at, completed_at)
  SELECT id, context_id, scenario, overall_passed, steps_passed, steps_failed, total_duration_ms, summary, dry_run, brief,
         triggered_by, user_id, steps_json, agent_profile_json, started,
         CASE WHEN NOT edge AND demo.roll('completed', n) >= 0.03 THEN started + took_ms * interval '1 ms' END
  FROM drawn
)
INSERT INTO demo.expected (legacy_id, decisions, context_id, who, origin, path, live_run_id, hard_case, pair_group)
SELECT r.id, r.decisions, r.context_id, r.who, r.origin, r.path, l.id, r.hard_case, r.pair_group
FROM demo.run r LEFT JOIN demo.live_run l ON l.legacy_id = r.id
WHERE r.n = ANY ($1::bigint[]) AND r.path NOT IN ('new pod', 'failed legacy write')
