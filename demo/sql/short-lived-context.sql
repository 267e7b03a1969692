-- Makes the short-lived context of story $1, and writes four runs to it.
WITH story AS (
  SELECT s.n, c.* FROM demo.story s JOIN demo.context c ON c.id = s.context_id WHERE s.n = $1
), made AS (
  INSERT INTO agent_contexts (id, organization_id, agent_url) SELECT id, organization_id, agent_url FROM story RETURNING id
), written AS (
  INSERT INTO agent_test_history
  SELECT demo.uuid('short-lived ' || s.n, t.k), made.id, t.scenario, t.overall_passed, t.steps_passed, t.steps_failed, t.total_duration_ms, t.summary, t.dry_run, t.brief,
         t.triggered_by, CASE WHEN t.who <> 'anonymous' THEN p.id END, t.steps_json, t.agent_profile_json, clock_timestamp(), NULL
  FROM story s, made, demo.template t
       JOIN demo.person p ON p.standing = 'member' AND p.slot = 0
  WHERE p.organisation_n = CASE t.who WHEN 'outsider' THEN (s.organisation_n - 1 + demo.organisations() / 2) % demo.organisations() + 1 ELSE s.organisation_n END
  RETURNING id
)
INSERT INTO demo.expected (legacy_id, decisions, context_id, who, origin, path)
SELECT demo.uuid('short-lived ' || s.n, t.k),
       ARRAY[CASE t.who WHEN 'member' THEN 'projected' WHEN 'outsider' THEN 'third_party' ELSE 'anonymous' END], s.id, t.who, 'stream', 'legacy'
FROM story s, demo.template t
