-- $1 legacy ids, $2 agent URLs, $3 fingerprints, $4 profile hashes, $5 organisations, $6 starts in microseconds,
-- $7 decisions without a live twin, $8 older than the retention,
-- $9 contexts, $10 users, $11 opted out, $12 why a canonical row would be refused
INSERT INTO history_cdc.window_run
  (legacy_id, agent_url, fingerprint, profile_hash, organization_id, started_at_us, otherwise, expired,
   agent_context_id, user_id, opted_out, refused)
SELECT * FROM unnest(
  $1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::text[], $6::bigint[], $7::text[], $8::boolean[],
  $9::uuid[], $10::text[], $11::boolean[], $12::text[])
