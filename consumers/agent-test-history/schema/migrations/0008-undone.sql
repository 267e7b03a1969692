-- What `undo` took back, so that it comes back as it was: the decision with the proof that it stands on, and the canonical
-- row that stood for it. Whatever brings the next event of such a row restores it first (restore.ts), because by then the
-- look-ups may say something else: a context is deleted, an agent moves, a membership ends. Filled by the function below
-- and by nothing else: a role that projects can take a row out, and put none in.
CREATE TABLE history_cdc.undone (
  legacy_id          uuid PRIMARY KEY,
  undone_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- The row of the ledger, by the names of its columns: what a later release adds to the ledger goes with it.
  ledger             jsonb NOT NULL,
  -- The canonical row, in columns: as JSON, a profile that is a JSON null would be none.
  run_id             uuid NOT NULL,
  agent_url          text NOT NULL,
  lifecycle_stage    text NOT NULL,
  overall_status     text NOT NULL,
  headline           text,
  total_duration_ms  integer,
  tested_at          timestamptz NOT NULL,
  tracks_json        jsonb NOT NULL,
  tracks_passed      integer NOT NULL,
  tracks_failed      integer NOT NULL,
  tracks_skipped     integer NOT NULL,
  tracks_partial     integer NOT NULL,
  agent_profile_json jsonb,
  observations_json  jsonb,
  triggered_by       text NOT NULL,
  dry_run            boolean NOT NULL,
  triggered_org_id   text
);

-- As before, and what it deletes is kept. Of a row that was taken back twice, the last time counts.
CREATE OR REPLACE FUNCTION history_cdc.undo_projected(legacy_ids uuid[]) RETURNS SETOF uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  run_ids uuid[];
BEGIN
  run_ids := ARRAY(SELECT l.canonical_run_id FROM history_cdc.ledger l
                   WHERE l.legacy_id = ANY (legacy_ids) AND l.decision = 'projected');
  -- In a statement of its own: the rows are locked by the time that the next one reads.
  run_ids := ARRAY(SELECT unnest(run_ids) EXCEPT SELECT r.run_id FROM history_cdc.references_to_runs(run_ids) r);
  DELETE FROM history_cdc.undone u USING history_cdc.ledger l
  WHERE l.legacy_id = u.legacy_id AND l.canonical_run_id = ANY (run_ids);
  RETURN QUERY
    WITH removed AS MATERIALIZED (SELECT r.* FROM history_cdc.delete_own_runs(run_ids) r),
    taken_back AS (
      DELETE FROM history_cdc.ledger l USING removed
      WHERE l.canonical_run_id = removed.id AND l.legacy_id = ANY (legacy_ids) AND l.decision = 'projected'
      RETURNING l.legacy_id, l.canonical_run_id, to_jsonb(l) AS entry
    )
    INSERT INTO history_cdc.undone (
      legacy_id, ledger, run_id, agent_url, lifecycle_stage, overall_status, headline, total_duration_ms, tested_at,
      tracks_json, tracks_passed, tracks_failed, tracks_skipped, tracks_partial, agent_profile_json, observations_json,
      triggered_by, dry_run, triggered_org_id
    )
    SELECT t.legacy_id, t.entry, r.id, r.agent_url, r.lifecycle_stage, r.overall_status, r.headline, r.total_duration_ms,
           r.tested_at, r.tracks_json, r.tracks_passed, r.tracks_failed, r.tracks_skipped, r.tracks_partial,
           r.agent_profile_json, r.observations_json, r.triggered_by, r.dry_run, r.triggered_org_id
    FROM taken_back t
    JOIN removed r ON r.id = t.canonical_run_id
    RETURNING undone.legacy_id;
END
$$;
