-- $1 agent URLs
SELECT run_id, agent_url, fingerprint, profile_hash, organization_id, tested_at_us
FROM history_cdc.live_run
WHERE agent_url = ANY ($1::text[])
