-- The canonical spelling of an agent's URL, and the organisations that have the agent in a context.
-- $1 the URL as a person typed it
SELECT given.agent_url AS "agentUrl",
       coalesce((SELECT array_agg(DISTINCT c.organization_id::text ORDER BY c.organization_id::text)
                 FROM public.agent_contexts c
                 -- Few spellings contain the canonical one, and only those are worth the dearer comparison.
                 WHERE CASE WHEN strpos(lower(c.agent_url), given.agent_url) > 0
                            THEN history_cdc.canonical_agent_url(c.agent_url) = given.agent_url END), '{}') AS organizations
FROM (SELECT history_cdc.canonical_agent_url($1::text) AS agent_url) AS given
