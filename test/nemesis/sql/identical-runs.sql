-- Makes pairs of identical runs of the planned runs $1 to $2: the same person, agent and content, at the same moment. Where
-- only one of them has a live row, nothing tells whose it is: one is linked, and the other gets a row of its own.
WITH pair AS (
  SELECT a.*, b.n AS other, b.path AS other_path
  FROM demo.run a JOIN demo.run b ON b.n = a.n + 1
  WHERE a.n >= $1 AND b.n <= $2 AND a.n % 3 = 0 AND a.path = 'both' AND b.path IN ('both', 'failed live write')
), first AS (
  UPDATE demo.run r
  SET decisions = CASE p.other_path WHEN 'both' THEN '{twin}'::text[] ELSE '{twin,projected}' END, pair_group = 'stream ' || p.n
  FROM pair p WHERE r.n = p.n
)
UPDATE demo.run r
SET content_n = p.content_n, context_id = p.context_id, agent_n = p.agent_n, who = p.who, user_id = p.user_id, started_at = p.started_at,
    decisions = CASE p.other_path WHEN 'both' THEN '{twin}'::text[] ELSE '{twin,projected}' END, pair_group = 'stream ' || p.n
FROM pair p WHERE r.n = p.other
