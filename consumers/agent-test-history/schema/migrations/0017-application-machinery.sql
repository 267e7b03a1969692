-- Triggers that the application has on its canonical table run inside our statements. In a function of ours they ran under
-- the search_path of that function, so that a table without a schema in the trigger was found when we inserted a row, and
-- not when we changed or removed one. The two functions below change and remove rows under the search_path that our
-- sessions have. All else stays in functions whose path holds nothing but pg_catalog; here every name and operator is
-- written with its schema, so that nobody who may create in public puts another one in its place. They run with the rights
-- of the function that calls them, and give nobody a right.
CREATE FUNCTION history_cdc.put_runs(images history_cdc.own_run[]) RETURNS SETOF uuid
LANGUAGE sql SET search_path = public, pg_temp
AS $$
  UPDATE public.agent_compliance_runs AS r
  SET agent_url = i.agent_url, lifecycle_stage = i.lifecycle_stage, overall_status = i.overall_status,
      headline = i.headline, total_duration_ms = i.total_duration_ms, tested_at = i.tested_at,
      tracks_passed = i.tracks_passed, tracks_failed = i.tracks_failed, agent_profile_json = i.agent_profile_json,
      observations_json = i.observations_json, dry_run = i.dry_run, triggered_org_id = i.triggered_org_id
  FROM pg_catalog.unnest(images) AS i
  WHERE r.id OPERATOR(pg_catalog.=) i.id
  RETURNING r.id
$$;

CREATE FUNCTION history_cdc.take_runs(run_ids uuid[]) RETURNS SETOF public.agent_compliance_runs
LANGUAGE sql SET search_path = public, pg_temp
AS $$
  DELETE FROM public.agent_compliance_runs AS r WHERE r.id OPERATOR(pg_catalog.=) ANY (run_ids) RETURNING r.*
$$;
REVOKE EXECUTE ON FUNCTION history_cdc.put_runs(history_cdc.own_run[]), history_cdc.take_runs(uuid[]) FROM PUBLIC;

-- As before, and a row that a trigger kept as it was (it returned NULL) is an error: RT001. Which rows are ours, and which
-- of them differ, is decided under their locks.
CREATE OR REPLACE FUNCTION history_cdc.rewrite_own_runs(images history_cdc.own_run[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  changing history_cdc.own_run[];
  changed bigint;
BEGIN
  changing := ARRAY(
    SELECT i
    FROM unnest(images) AS i
    JOIN public.agent_compliance_runs r ON r.id = i.id
    WHERE r.observations_json ->> 'backfill_script' = 'history-cdc'
      AND i.observations_json ->> 'backfill_script' = 'history-cdc'
      AND (r.agent_url, r.lifecycle_stage, r.overall_status, r.headline, r.total_duration_ms, r.tested_at,
           r.tracks_passed, r.tracks_failed, r.agent_profile_json, r.observations_json, r.dry_run, r.triggered_org_id)
          IS DISTINCT FROM
          (i.agent_url, i.lifecycle_stage, i.overall_status, i.headline, i.total_duration_ms, i.tested_at,
           i.tracks_passed, i.tracks_failed, i.agent_profile_json, i.observations_json, i.dry_run, i.triggered_org_id)
    ORDER BY r.id
    FOR UPDATE OF r);
  IF cardinality(changing) = 0 THEN
    RETURN 0;
  END IF;
  SELECT count(*) INTO changed FROM history_cdc.put_runs(changing);
  IF changed < cardinality(changing) THEN
    RAISE EXCEPTION 'a trigger kept a canonical row from being changed' USING ERRCODE = 'RT001';
  END IF;
  RETURN changed;
END
$$;

-- As before, and a row that a trigger kept from being removed is an error.
CREATE OR REPLACE FUNCTION history_cdc.delete_own_runs(run_ids uuid[]) RETURNS SETOF public.agent_compliance_runs
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  ours uuid[];
BEGIN
  ours := ARRAY(
    SELECT r.id FROM public.agent_compliance_runs r
    WHERE r.id = ANY (run_ids) AND r.observations_json ->> 'backfill_script' = 'history-cdc'
    ORDER BY r.id
    FOR UPDATE);
  RETURN QUERY SELECT t.* FROM history_cdc.take_runs(ours) AS t;
  IF EXISTS (SELECT FROM public.agent_compliance_runs r WHERE r.id = ANY (ours)) THEN
    RAISE EXCEPTION 'a trigger kept a canonical row from being removed' USING ERRCODE = 'RT001';
  END IF;
END
$$;
