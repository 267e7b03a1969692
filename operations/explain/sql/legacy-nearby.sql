-- Legacy rows of an agent around a time, as the ledger has them, nearest first.
-- $1 agent URL, $2 the time, $3 the match window in microseconds
SELECT l.legacy_id, l.decision, l.organization_id, l.fingerprint, l.profile_hash, l.canonical_run_id,
       (extract(epoch FROM l.started_at) * 1000000)::bigint AS started_at_us
FROM history_cdc.ledger l
WHERE l.agent_url = $1::text
  AND l.started_at BETWEEN $2::timestamptz - $3::bigint * interval '1 microsecond'
                       AND $2::timestamptz + $3::bigint * interval '1 microsecond'
ORDER BY abs(extract(epoch FROM l.started_at - $2::timestamptz)), l.legacy_id
LIMIT 50
