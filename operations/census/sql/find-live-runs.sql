-- Every live row that can have a twin, by its time and its agent.
INSERT INTO history_cdc.live_run (run_id, agent_url, fingerprint, profile_hash, organization_id, tested_at_us)
SELECT r.id, named.agent_url,
       history_cdc.run_fingerprint(r.headline, r.total_duration_ms, r.overall_status = 'passing'),
       history_cdc.profile_hash(r.agent_profile_json), r.triggered_org_id::text,
       (extract(epoch FROM r.tested_at) * 1000000)::bigint
FROM public.agent_compliance_runs r
CROSS JOIN LATERAL (SELECT history_cdc.canonical_agent_url(r.agent_url) AS agent_url) AS named
WHERE history_cdc.is_live_run(r.triggered_by, r.observations_json) AND isfinite(r.tested_at)
  AND named.agent_url IS NOT NULL
