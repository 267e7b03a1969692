-- Changes the canonical row of legacy rows that have a decision already. If a live row replaces our own row, our row is
-- removed; it is kept in `unsettled_twin` as long as the pair is unsettled. If the live row goes to another legacy row,
-- our row comes back as it was. Live rows are only linked, never changed.
-- $1 legacy ids, $2 and $3 decision and canonical row as they are, $4, $5, $6 decision, canonical row and reason as
-- they shall be, $7 ids of our own rows, $8 rule version
WITH change AS MATERIALIZED (
  SELECT *
  FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::uuid[], $6::text[], $7::uuid[])
         AS c (legacy_id, was, was_run, becomes, becomes_run, reason, own_run)
),
absorbed AS MATERIALIZED (
  SELECT c.legacy_id, r.id, r.agent_url, r.lifecycle_stage, r.overall_status, r.headline, r.total_duration_ms,
         r.tested_at, r.tracks_passed, r.tracks_failed, r.agent_profile_json, r.observations_json, r.dry_run,
         r.triggered_org_id
  FROM history_cdc.delete_own_runs(
         ARRAY(SELECT was_run FROM change WHERE was = 'projected' AND becomes = 'twin')) AS r
  JOIN change c ON c.was_run = r.id
),
kept AS (
  INSERT INTO history_cdc.unsettled_twin (
    legacy_id, run_id, agent_url, lifecycle_stage, overall_status, headline, total_duration_ms, tested_at,
    tracks_passed, tracks_failed, agent_profile_json, observations_json, dry_run, triggered_org_id
  )
  SELECT * FROM absorbed
  UNION ALL
  SELECT l.legacy_id, c.own_run, NULL, NULL, NULL, NULL, NULL, l.started_at, NULL, NULL, NULL, NULL, NULL, NULL
  FROM change c
  JOIN history_cdc.ledger l ON l.legacy_id = c.legacy_id
  WHERE c.was = 'opted_out' AND c.becomes = 'twin'
  ON CONFLICT (legacy_id) DO UPDATE SET
    run_id = excluded.run_id, agent_url = excluded.agent_url, lifecycle_stage = excluded.lifecycle_stage,
    overall_status = excluded.overall_status, headline = excluded.headline,
    total_duration_ms = excluded.total_duration_ms, tested_at = excluded.tested_at,
    tracks_passed = excluded.tracks_passed, tracks_failed = excluded.tracks_failed,
    agent_profile_json = excluded.agent_profile_json, observations_json = excluded.observations_json,
    dry_run = excluded.dry_run, triggered_org_id = excluded.triggered_org_id
),
dropped AS (
  DELETE FROM history_cdc.unsettled_twin u
  USING change c
  WHERE u.legacy_id = c.legacy_id AND c.was = 'twin' AND c.becomes <> 'twin'
  RETURNING u.*, c.becomes
),
released AS (
  INSERT INTO public.agent_compliance_runs (
    id, agent_url, lifecycle_stage, overall_status, headline, total_duration_ms, tested_at, tracks_json,
    tracks_passed, tracks_failed, tracks_skipped, tracks_partial, agent_profile_json, observations_json,
    triggered_by, dry_run, triggered_org_id
  )
  SELECT d.run_id, d.agent_url, d.lifecycle_stage, d.overall_status, d.headline, d.total_duration_ms, d.tested_at,
         '[]'::jsonb, d.tracks_passed, d.tracks_failed, 0, 0, d.agent_profile_json, d.observations_json,
         'owner_test', d.dry_run, d.triggered_org_id
  FROM dropped d
  WHERE d.becomes = 'projected'
  RETURNING 1
),
recorded AS (
  UPDATE history_cdc.ledger l
  -- The kept row has the id that belongs to the run's first key.
  SET decision = c.becomes,
      canonical_run_id = CASE WHEN c.becomes = 'projected'
        THEN coalesce((SELECT d.run_id FROM dropped d WHERE d.legacy_id = c.legacy_id), c.becomes_run) ELSE c.becomes_run END,
      reason = c.reason, rule_version = $8::smallint,
      decided_at = clock_timestamp()
  FROM change c
  WHERE l.legacy_id = c.legacy_id AND l.decision = c.was AND l.canonical_run_id IS NOT DISTINCT FROM c.was_run
  RETURNING 1
)
SELECT (SELECT count(*) FROM released)::integer AS runs_inserted,
       -- Rows that a trigger of the application skipped.
       ((SELECT count(*) FROM dropped WHERE becomes = 'projected') - (SELECT count(*) FROM released))::integer AS kept_out,
       0 AS runs_updated,
       (SELECT count(*) FROM absorbed)::integer AS runs_deleted,
       (SELECT count(*) FROM recorded)::integer AS ledger_written
