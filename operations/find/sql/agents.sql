-- Agents that an organisation has in a context: by a part of the URL, by the id of the organisation, or by the id of a user
-- who is a member of it. In the order of the stored URLs, after a place. An agent with several spellings is one row per page.
-- The order by bytes ends with the page: compared by it, the indexes of the application's tables would not be used.
-- $1 the text; $2 the stored URL after which the page begins; $3 stored URLs on the page
WITH page AS MATERIALIZED (
  SELECT f.stored, f.stored COLLATE "default" AS spelling,
         history_cdc.canonical_agent_url(f.stored COLLATE "default") AS agent_url
  FROM (
    SELECT DISTINCT c.agent_url::text COLLATE "C" AS stored
    FROM public.agent_contexts c
    WHERE (strpos(lower(c.agent_url), rtrim(lower($1::text), '/')) > 0
           OR c.organization_id = $1::text
           OR c.organization_id IN (
             SELECT m.workos_organization_id FROM public.organization_memberships m WHERE m.workos_user_id = $1::text))
      AND c.agent_url::text COLLATE "C" > $2::text
    ORDER BY 1 LIMIT $3::integer
  ) AS f
), agents AS (
  SELECT max(p.stored) AS stored, array_agg(p.spelling) AS spellings, p.agent_url FROM page p GROUP BY p.agent_url
)
SELECT a.stored, a.agent_url AS "agentUrl",
       (SELECT array_agg(DISTINCT c.organization_id::text ORDER BY c.organization_id::text)
        FROM public.agent_contexts c WHERE c.agent_url = ANY (a.spellings)) AS organizations,
       newest.tested_at::text AS "newestAt", newest.overall_status::text AS "newestStatus"
FROM agents a
LEFT JOIN LATERAL (
  SELECT r.tested_at, r.overall_status FROM public.agent_compliance_runs r
  WHERE r.agent_url = a.agent_url ORDER BY r.tested_at DESC LIMIT 1
) AS newest ON true
ORDER BY a.stored
