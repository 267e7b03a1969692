-- What a projector without faults leaves behind, made from the truth itself: for tests of the check.
WITH paired AS (
  -- A run's own live row; and of those that nobody can tell apart, one legacy row with one live row.
  SELECT h.legacy_id, l.live_id
  FROM truth.legacy_row h JOIN truth.run r USING (run)
  JOIN truth.live_row l ON l.run = h.run
    OR r.kind = 'indistinguishable' AND l.run IN (SELECT run FROM truth.run o WHERE o.alike = r.alike)
  WHERE r.standing = 'owner' AND r.kind <> 'weak, without profiles'
), decided AS (
  SELECT h.legacy_id, h.row, r.*, h.phase, p.live_id, f.fate,
         CASE WHEN r.standing <> 'owner' THEN r.standing WHEN p.live_id IS NOT NULL THEN 'twin' ELSE 'projected' END AS decision,
         coalesce(c.organization_id, r.organization_id) AS organization, rtrim(coalesce(c.agent_url, r.agent_url), '/') AS agent
  FROM truth.legacy_row h JOIN truth.run r USING (run)
  LEFT JOIN truth.fate f USING (run)
  LEFT JOIN paired p USING (legacy_id)
  LEFT JOIN agent_test_history now ON now.id = h.legacy_id
  LEFT JOIN agent_contexts c ON c.id = now.agent_context_id
), ours AS (
  INSERT INTO agent_compliance_runs (agent_url, lifecycle_stage, overall_status, headline, total_duration_ms, tested_at, tracks_passed,
                                     tracks_failed, agent_profile_json, triggered_by, triggered_org_id, observations_json)
  SELECT agent, 'testing', CASE WHEN (row).overall_passed THEN 'passing' ELSE 'failing' END, (row).summary,
         (row).total_duration_ms, (row).started_at, (row).steps_passed, (row).steps_failed, (row).agent_profile_json,
         'owner_test', organization, jsonb_build_object('backfill_source', 'agent_test_history',
           'backfill_source_id', legacy_id, 'backfill_script', 'history-cdc')
  FROM decided WHERE decision = 'projected'
  RETURNING id, (observations_json ->> 'backfill_source_id')::uuid AS legacy_id
)
INSERT INTO history_cdc.ledger (legacy_id, decision, reason, canonical_run_id, rule_version, is_member, lists_agent,
                                topic_id, partition, "offset", op, snapshot)
SELECT legacy_id, decision, CASE WHEN kind = 'weak, without profiles' THEN 'weak_fingerprint' ELSE 'as it is' END,
       coalesce(ours.id, live_id), 1, standing = 'owner', standing = 'owner', gen_random_uuid(), 0, 0, 'c', phase = 'before'
FROM decided LEFT JOIN ours USING (legacy_id);
