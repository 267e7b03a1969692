-- Those of the rows that a snapshot read with the same content as the ledger has.
SELECT l.legacy_id
FROM unnest(
  $1::uuid[], $2::uuid[], $3::text[], $4::boolean[], $5::integer[], $6::integer[], $7::integer[], $8::text[], $9::boolean[],
  $10::text[], $11::text[], $12::timestamptz[], $13::text[]
) AS e (
  legacy_id, agent_context_id, scenario, overall_passed, steps_passed, steps_failed, total_duration_ms, summary, dry_run,
  user_id, agent_profile_json, started_at, storyboards
)
JOIN history_cdc.ledger l ON l.legacy_id = e.legacy_id
WHERE l.content_hash = history_cdc.content_hash(
  e.agent_context_id, e.scenario, e.overall_passed, e.steps_passed, e.steps_failed, e.total_duration_ms, e.summary,
  e.dry_run, e.user_id, e.agent_profile_json, e.started_at, e.storyboards)
