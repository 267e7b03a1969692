-- The times of the first and the last live row. Also stores spellings of agent URLs other than the canonical one.
WITH live AS MATERIALIZED (
  SELECT r.agent_url::text AS spelling, min(r.tested_at) AS first, max(r.tested_at) AS last
  FROM public.agent_compliance_runs r
  WHERE history_cdc.is_live_run(r.triggered_by, r.observations_json) AND isfinite(r.tested_at)
  GROUP BY r.agent_url
),
spelled AS (
  INSERT INTO history_cdc.agent_spelling (spelling, agent_url)
  SELECT c.spelling, c.agent_url
  FROM (SELECT spelling, history_cdc.canonical_agent_url(spelling) AS agent_url FROM live) AS c
  WHERE c.agent_url <> c.spelling
  ON CONFLICT (spelling) DO NOTHING
)
SELECT min(first)::text AS first_text, max(last)::text AS last_text,
       (extract(epoch FROM min(first)) * 1000000)::bigint AS first_us,
       (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS measured_us
FROM live
