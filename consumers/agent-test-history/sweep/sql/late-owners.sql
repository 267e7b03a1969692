-- Runs that were decided as a stranger's and whose user owns the agent now: the user is a member of the context's
-- organisation, and its profile lists the agent.
-- $1 the grace window in seconds
WITH listed AS MATERIALIZED (
  SELECT DISTINCT p.workos_organization_id::text AS organization_id, agent.agent_url
  FROM public.member_profiles p
  CROSS JOIN LATERAL history_cdc.listed_agents(p.agents) AS agent
),
context AS MATERIALIZED (
  SELECT c.id, c.organization_id::text AS organization_id
  FROM public.agent_contexts c
  JOIN listed ON listed.organization_id = c.organization_id
    AND listed.agent_url = history_cdc.canonical_agent_url(c.agent_url)
)
SELECT l.legacy_id, l.decided_at >= clock_timestamp() - $1::integer * interval '1 second' AS young
FROM history_cdc.ledger l
JOIN context c ON c.id = l.agent_context_id
JOIN public.organization_memberships m
  ON m.workos_user_id = l.user_id AND m.workos_organization_id = c.organization_id
WHERE l.decision = 'third_party' AND l.source_deleted_at IS NULL
ORDER BY l.legacy_id
