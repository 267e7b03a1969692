-- Runs of strangers whose user is a member of the context's organisation by now, and whose agent occurs in what that
-- organisation lists, in whatever way: whether that makes an owner, the look-up says. It is spared those who were
-- members all along, of an organisation that has nothing to do with the agent: they can be a quarter of all runs.
-- $1 the grace window in seconds
WITH context AS MATERIALIZED (
  SELECT c.id, c.organization_id
  FROM public.agent_contexts c
  WHERE EXISTS (
    SELECT FROM public.member_profiles p
    WHERE p.workos_organization_id = c.organization_id
      -- As JSON has it, quotes and backslashes escaped.
      AND strpos(lower(p.agents::text), btrim(to_json(history_cdc.canonical_agent_url(c.agent_url))::text, '"')) > 0
  )
)
SELECT l.legacy_id, l.agent_context_id, l.user_id,
       l.decided_at >= clock_timestamp() - $1::integer * interval '1 second' AS young
FROM history_cdc.ledger l
JOIN context c ON c.id = l.agent_context_id
JOIN public.organization_memberships m
  ON m.workos_user_id = l.user_id AND m.workos_organization_id = c.organization_id
WHERE l.decision = 'third_party' AND l.source_deleted_at IS NULL
ORDER BY l.legacy_id
