-- The time of the first row that the live path wrote, in microseconds since 1970; NULL if it wrote none.
SELECT (extract(epoch FROM min(r.tested_at)) * 1000000)::bigint AS first_us
FROM public.agent_compliance_runs r
WHERE history_cdc.is_live_run(r.triggered_by, r.observations_json) AND isfinite(r.tested_at)
