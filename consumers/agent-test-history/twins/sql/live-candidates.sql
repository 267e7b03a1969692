-- Committed live rows inside the same stretches, and the legacy row that each is linked to. The statement searches
-- every known spelling of the agent URL, because the canonical table's index is on the spelling.
-- $1 agent URLs, $2 fingerprints, $3 from, $4 to
SELECT s.n::integer AS stretch, r.id AS run_id, s.fingerprint,
       history_cdc.profile_hash(r.agent_profile_json) AS profile_hash, r.triggered_org_id::text AS organization_id,
       (extract(epoch FROM r.tested_at) * 1000000)::bigint AS tested_at_us, holder.legacy_id AS holder
FROM unnest($1::text[], $2::uuid[], $3::bigint[], $4::bigint[])
       WITH ORDINALITY AS s (agent_url, fingerprint, from_us, to_us, n)
CROSS JOIN LATERAL (
  SELECT s.agent_url AS spelling
  UNION ALL
  SELECT a.spelling FROM history_cdc.agent_spelling a WHERE a.agent_url = s.agent_url
) AS spelled
JOIN public.agent_compliance_runs r
  ON r.agent_url = spelled.spelling
 AND r.tested_at BETWEEN timestamptz 'epoch' + s.from_us * interval '1 microsecond'
                     AND timestamptz 'epoch' + s.to_us * interval '1 microsecond'
LEFT JOIN history_cdc.ledger holder ON holder.canonical_run_id = r.id
WHERE history_cdc.is_live_run(r.triggered_by, r.observations_json)
  AND history_cdc.run_fingerprint(r.headline, r.total_duration_ms, r.overall_status = 'passing') = s.fingerprint
