-- The agents for which rows may be linked: those of their decisions, those of decisions that `undo` took back, and
-- those that their contexts name now. $1 legacy ids, $2 ids of contexts
SELECT agent_url
FROM (
  SELECT l.agent_url
  FROM unnest($1::uuid[]) AS e (legacy_id)
  CROSS JOIN LATERAL (SELECT * FROM history_cdc.ledger l WHERE l.legacy_id = e.legacy_id LIMIT 1) l
  WHERE l.decision IN ('projected', 'twin', 'opted_out')
  UNION
  SELECT u.ledger ->> 'agent_url' FROM history_cdc.undone u WHERE u.legacy_id = ANY ($1::uuid[])
  UNION
  SELECT history_cdc.canonical_agent_url(c.agent_url) FROM public.agent_contexts c WHERE c.id = ANY ($2::uuid[])
) AS agent
WHERE agent_url IS NOT NULL
