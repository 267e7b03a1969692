-- The times of the first and the last live row of all agents, as text and in microseconds since 1970.
SELECT min(r.tested_at)::text AS first, max(r.tested_at)::text AS last, count(*)::bigint AS live_rows,
       (extract(epoch FROM min(r.tested_at)) * 1000000)::bigint AS first_us,
       (extract(epoch FROM max(r.tested_at)) * 1000000)::bigint AS last_us
FROM public.agent_compliance_runs r
WHERE history_cdc.is_live_run(r.triggered_by, r.observations_json) AND isfinite(r.tested_at)
