-- The months of `started_at`, with the first and the last time in each: they are the bounds within which it is read.
SELECT CASE WHEN started_at = 'infinity' THEN 'infinity'
            WHEN started_at = '-infinity' THEN 'minus-infinity'
            WHEN started_at IS NULL THEN 'none'
            ELSE 'finite' END AS kind,
       CASE WHEN isfinite(started_at) THEN extract(year FROM started_at)::integer END AS year,
       CASE WHEN isfinite(started_at) THEN extract(month FROM started_at)::integer END AS month,
       min(started_at)::text AS first,
       max(started_at)::text AS last,
       count(*)::text AS rows
FROM public.agent_test_history
GROUP BY 1, 2, 3
ORDER BY min(started_at) NULLS LAST
