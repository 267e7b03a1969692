-- The agents of owners' runs that wait for matching, with the number of their rows on either side.
SELECT agent_url, sum(rows)::integer AS rows
FROM (
  SELECT w.agent_url, count(*) AS rows FROM history_cdc.window_run w GROUP BY w.agent_url
  UNION ALL
  SELECT l.agent_url, count(*) FROM history_cdc.live_run l
  WHERE l.agent_url IN (SELECT agent_url FROM history_cdc.window_run) GROUP BY l.agent_url
) AS side
GROUP BY agent_url
ORDER BY agent_url
