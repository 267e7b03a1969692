-- Live rows of an agent around a time, whatever they look like, nearest first; by every spelling of the agent that is
-- known, as the projector finds them. $1 agent URL, $2 the time, $3 the match window in microseconds
SELECT r.id AS run_id, r.headline, r.total_duration_ms, r.overall_status = 'passing' AS passing,
       history_cdc.profile_hash(r.agent_profile_json) AS profile_hash, r.triggered_org_id::text AS organization_id,
       r.tested_at::text AS tested_at, (extract(epoch FROM r.tested_at) * 1000000)::bigint AS tested_at_us,
       holder.legacy_id AS holder
FROM (
  SELECT $1::text AS spelling
  UNION ALL
  SELECT a.spelling FROM history_cdc.agent_spelling a WHERE a.agent_url = $1::text
) AS spelled
JOIN public.agent_compliance_runs r
  ON r.agent_url = spelled.spelling
 AND r.tested_at BETWEEN $2::timestamptz - $3::bigint * interval '1 microsecond'
                     AND $2::timestamptz + $3::bigint * interval '1 microsecond'
LEFT JOIN history_cdc.ledger holder ON holder.canonical_run_id = r.id
WHERE history_cdc.is_live_run(r.triggered_by, r.observations_json)
ORDER BY abs(extract(epoch FROM r.tested_at - $2::timestamptz)), r.id
LIMIT 50
