-- Stores the fingerprints of rows that skipped matching, from our canonical rows, so that they can be matched.
UPDATE history_cdc.ledger l
SET fingerprint = history_cdc.run_fingerprint(r.headline, r.total_duration_ms, r.overall_status = 'passing'),
    profile_hash = history_cdc.profile_hash(r.agent_profile_json)
FROM public.agent_compliance_runs r
WHERE l.legacy_id = ANY ($1::uuid[]) AND l.fingerprint IS NULL AND l.decision = 'projected' AND r.id = l.canonical_run_id
