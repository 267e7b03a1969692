-- Restores what `undo` took back: the decision as it was recorded, at its position, and the canonical row as it was
-- removed. If a copy by the earlier script now records the run, the decision is linked to the copy instead, because the
-- run would be there twice. A canonical row that somebody inserted again under its id stays as it is. A row that was
-- decided since is not changed. $1 legacy ids, $2 the copy of each (NULL: none), $3 the reason of such an adoption
WITH undone AS (
  DELETE FROM history_cdc.undone u
  USING unnest($1::uuid[], $2::uuid[], $3::text[]) AS k (legacy_id, copy_id, reason)
  WHERE u.legacy_id = k.legacy_id AND NOT EXISTS (SELECT FROM history_cdc.ledger l WHERE l.legacy_id = u.legacy_id)
  RETURNING u.*, k.copy_id, k.reason AS copy_reason
),
run AS (
  INSERT INTO public.agent_compliance_runs (
    id, agent_url, lifecycle_stage, overall_status, headline, total_duration_ms, tested_at, tracks_json,
    tracks_passed, tracks_failed, tracks_skipped, tracks_partial, agent_profile_json, observations_json,
    triggered_by, dry_run, triggered_org_id
  )
  SELECT u.run_id, u.agent_url, u.lifecycle_stage, u.overall_status, u.headline, u.total_duration_ms, u.tested_at,
         u.tracks_json, u.tracks_passed, u.tracks_failed, u.tracks_skipped, u.tracks_partial, u.agent_profile_json,
         u.observations_json, u.triggered_by, u.dry_run, u.triggered_org_id
  FROM undone u
  WHERE u.copy_id IS NULL
  ON CONFLICT (id) DO NOTHING
  RETURNING id
),
recorded AS (
  INSERT INTO history_cdc.ledger
  SELECT l.*
  FROM undone u
  CROSS JOIN LATERAL jsonb_populate_record(
    NULL::history_cdc.ledger,
    CASE WHEN u.copy_id IS NULL THEN u.ledger
         ELSE u.ledger || jsonb_build_object(
           'decision', 'adopted', 'reason', u.copy_reason, 'canonical_run_id', u.copy_id, 'fingerprint', NULL,
           'profile_hash', NULL, 'decided_at', clock_timestamp()) END) AS l
  RETURNING legacy_id
)
SELECT (SELECT count(*) FROM run)::integer AS runs_inserted,
       -- Rows that a trigger of the application skipped.
       (SELECT count(*) FROM undone u
        WHERE u.copy_id IS NULL AND u.run_id NOT IN (SELECT run.id FROM run)
          AND NOT EXISTS (SELECT FROM public.agent_compliance_runs r WHERE r.id = u.run_id))::integer AS kept_out, coalesce(array_agg(legacy_id), '{}') AS legacy_ids
FROM recorded
