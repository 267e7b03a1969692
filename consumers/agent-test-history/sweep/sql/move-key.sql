-- Moves the decision, canonical row and look-ups of a run from its old key to its new key. The old key becomes `gone`
-- with the reason `key_changed`. The position of the new key stays before its parked record, which is applied next. Our
-- own canonical row names the new key as its source. Parked records of the old key from before its delete are closed.
-- $1 the old key, $2 the new key
WITH moving AS MATERIALIZED (
  SELECT o.*, k.deleted_offset
  FROM history_cdc.key_change k
  JOIN history_cdc.ledger o ON o.legacy_id = k.old_id
  WHERE k.old_id = $1::uuid AND k.new_id = $2::uuid
),
released AS (
  UPDATE history_cdc.ledger l
  SET decision = 'gone', reason = 'key_changed', canonical_run_id = NULL, agent_context_id = NULL, user_id = NULL,
      organization_id = NULL, agent_url = NULL, lifecycle_stage = NULL, is_member = NULL, lists_agent = NULL,
      opted_out = NULL, content_hash = NULL, started_at = NULL, fingerprint = NULL, profile_hash = NULL
  FROM moving m
  WHERE l.legacy_id = m.legacy_id
  RETURNING m.*
),
taken AS (
  UPDATE history_cdc.ledger n
  SET decision = r.decision, reason = r.reason, canonical_run_id = r.canonical_run_id, rule_version = r.rule_version,
      agent_context_id = r.agent_context_id, user_id = r.user_id, organization_id = r.organization_id,
      agent_url = r.agent_url, lifecycle_stage = r.lifecycle_stage, is_member = r.is_member,
      lists_agent = r.lists_agent, opted_out = r.opted_out, content_hash = r.content_hash, started_at = r.started_at,
      fingerprint = r.fingerprint, profile_hash = r.profile_hash, decided_at = r.decided_at
  FROM released r
  WHERE n.legacy_id = $2::uuid AND r.canonical_run_id IS NOT NULL
  RETURNING n.legacy_id
),
run AS (
  SELECT history_cdc.rewrite_own_runs(ARRAY(
    SELECT ROW(r.id, r.agent_url, r.lifecycle_stage, r.overall_status, r.headline, r.total_duration_ms, r.tested_at,
               r.tracks_passed, r.tracks_failed, r.agent_profile_json,
               r.observations_json || jsonb_build_object('backfill_source_id', $2::uuid), r.dry_run,
               r.triggered_org_id)::history_cdc.own_run
    FROM moving m
    JOIN public.agent_compliance_runs r ON r.id = m.canonical_run_id
    WHERE m.decision = 'projected')) AS updated
),
settled AS (
  DELETE FROM history_cdc.unsettled_twin u USING moving m WHERE u.legacy_id = m.legacy_id
),
healed AS (
  UPDATE history_cdc.quarantine q SET healed_at = clock_timestamp()
  FROM moving m
  WHERE q.legacy_id = m.legacy_id AND q.healed_at IS NULL AND q.topic_id = m.topic_id AND q."offset" < m.deleted_offset
),
moved AS (
  UPDATE history_cdc.key_change SET moved_at = clock_timestamp() WHERE old_id = $1::uuid AND new_id = $2::uuid
)
SELECT (SELECT count(*) FROM taken)::integer AS ledger_written, (SELECT updated FROM run)::integer AS runs_updated
