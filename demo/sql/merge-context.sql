-- Merges context $1 into $2, as the application does: the rows move, the context goes. Beside it the demo notes what
-- should become of the rows. An owner decision stays: its canonical row follows to an agent that the user owns, and
-- is left alone otherwise; a live row stays where it is. A row without one is decided anew.
WITH target AS (
  SELECT c.id, c.kind, c.agent_n, coalesce(a.opted_out, false) AS opted_out FROM demo.context c LEFT JOIN demo.agent a ON a.n = c.agent_n WHERE c.id = $2
), moved AS (
  UPDATE agent_test_history SET agent_context_id = $2 WHERE agent_context_id = $1 RETURNING id
), noted AS (
  UPDATE demo.expected e
  SET story = $3,
      settled = e.decisions = '{projected}' AND t.kind <> 'owned'
             OR e.decisions = '{twin}' AND t.agent_n IS DISTINCT FROM (SELECT agent_n FROM demo.context c WHERE c.id = $1),
      context_id = CASE WHEN e.decisions && '{adopted,twin}' OR e.decisions = '{projected}' AND t.kind <> 'owned' THEN e.context_id ELSE t.id END,
      decisions = CASE
        WHEN e.decisions && '{anonymous,adopted,twin,projected}' THEN e.decisions
        WHEN e.who <> 'member' OR t.kind <> 'owned' THEN '{third_party}'
        WHEN t.opted_out THEN '{opted_out}'
        ELSE '{projected}' END
  FROM target t, moved m WHERE m.id = e.legacy_id
)
SELECT count(*)::integer AS rows FROM moved
