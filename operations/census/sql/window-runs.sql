-- $1 agent URLs
SELECT legacy_id, agent_url, fingerprint, profile_hash, organization_id, started_at_us, otherwise, expired,
       agent_context_id, user_id, opted_out, refused
FROM history_cdc.window_run
WHERE agent_url = ANY ($1::text[])
