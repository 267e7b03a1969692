-- Owners' runs inside stretches of time, as the ledger has them. A stretch is an agent, a fingerprint, and two bounds
-- in microseconds since 1970. Stretches do not overlap.
-- $1 agent URLs, $2 fingerprints, $3 from, $4 to
SELECT s.n::integer AS stretch, l.legacy_id, l.fingerprint, l.profile_hash, l.organization_id, l.decision, l.reason,
       l.canonical_run_id, (extract(epoch FROM l.started_at) * 1000000)::bigint AS started_at_us,
       u.legacy_id IS NOT NULL AS unsettled, u.agent_url IS NOT NULL AS has_run
FROM unnest($1::text[], $2::uuid[], $3::bigint[], $4::bigint[])
       WITH ORDINALITY AS s (agent_url, fingerprint, from_us, to_us, n)
JOIN history_cdc.ledger l
  ON l.agent_url = s.agent_url AND l.fingerprint = s.fingerprint
 AND l.started_at BETWEEN timestamptz 'epoch' + s.from_us * interval '1 microsecond'
                      AND timestamptz 'epoch' + s.to_us * interval '1 microsecond'
LEFT JOIN history_cdc.unsettled_twin u ON u.legacy_id = l.legacy_id
WHERE l.decision IN ('projected', 'twin', 'opted_out')
