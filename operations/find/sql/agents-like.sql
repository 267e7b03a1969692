-- The agents of the contexts whose URL contains a text, in their canonical spelling. $1 the text, $2 agents to return
SELECT DISTINCT history_cdc.canonical_agent_url(c.agent_url) AS agent_url
FROM public.agent_contexts c
WHERE strpos(lower(c.agent_url), lower($1::text)) > 0 AND history_cdc.canonical_agent_url(c.agent_url) IS NOT NULL
ORDER BY 1
LIMIT $2::integer
