-- The only way in which a projector changes a canonical row, so that its role needs no right to: rows of ours, and of
-- nobody else, and ours they stay. Gives how many were changed; one that is as it shall be is none of them.
CREATE TYPE history_cdc.own_run AS (
  id                 uuid,
  agent_url          text,
  lifecycle_stage    text,
  overall_status     text,
  headline           text,
  total_duration_ms  integer,
  tested_at          timestamptz,
  tracks_passed      integer,
  tracks_failed      integer,
  agent_profile_json jsonb,
  observations_json  jsonb,
  dry_run            boolean,
  triggered_org_id   text
);
CREATE FUNCTION history_cdc.rewrite_own_runs(images history_cdc.own_run[]) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
  WITH changed AS (
    UPDATE public.agent_compliance_runs r
    SET agent_url = i.agent_url, lifecycle_stage = i.lifecycle_stage, overall_status = i.overall_status,
        headline = i.headline, total_duration_ms = i.total_duration_ms, tested_at = i.tested_at,
        tracks_passed = i.tracks_passed, tracks_failed = i.tracks_failed, agent_profile_json = i.agent_profile_json,
        observations_json = i.observations_json, dry_run = i.dry_run, triggered_org_id = i.triggered_org_id
    FROM unnest(images) AS i
    WHERE r.id = i.id
      AND r.observations_json ->> 'backfill_script' = 'history-cdc'
      AND i.observations_json ->> 'backfill_script' = 'history-cdc'
      AND (r.agent_url, r.lifecycle_stage, r.overall_status, r.headline, r.total_duration_ms, r.tested_at,
           r.tracks_passed, r.tracks_failed, r.agent_profile_json, r.observations_json, r.dry_run, r.triggered_org_id)
          IS DISTINCT FROM
          (i.agent_url, i.lifecycle_stage, i.overall_status, i.headline, i.total_duration_ms, i.tested_at,
           i.tracks_passed, i.tracks_failed, i.agent_profile_json, i.observations_json, i.dry_run, i.triggered_org_id)
    RETURNING 1
  )
  SELECT count(*) FROM changed
$$;
REVOKE EXECUTE ON FUNCTION history_cdc.rewrite_own_runs(history_cdc.own_run[]) FROM PUBLIC;
