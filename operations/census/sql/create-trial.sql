-- Canonical rows are tried here before any is written. The projector's own statement writes their images into a table
-- that refuses nothing, and its decisions into a separate ledger. The images then go into a copy of the canonical table
-- with everything by which the application may refuse them. All tables are empty again at the end of each transaction.
CREATE TEMPORARY TABLE history_cdc.run_image (
  id                 uuid PRIMARY KEY,
  agent_url          text,
  lifecycle_stage    text,
  overall_status     text,
  headline           text,
  total_duration_ms  integer,
  tested_at          timestamp with time zone,
  tracks_json        jsonb,
  tracks_passed      integer,
  tracks_failed      integer,
  tracks_skipped     integer,
  tracks_partial     integer,
  agent_profile_json jsonb,
  observations_json  jsonb,
  triggered_by       text,
  dry_run            boolean,
  triggered_org_id   text
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE history_cdc.tried_ledger (LIKE history_cdc.ledger INCLUDING ALL) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE history_cdc.tried_run (
  LIKE public.agent_compliance_runs INCLUDING CONSTRAINTS INCLUDING DEFAULTS INCLUDING GENERATED
) ON COMMIT DELETE ROWS;

-- A default from a sequence exists when the row is really written. Taking a number now would be a write.
DO $$
DECLARE
  numbered name;
BEGIN
  FOR numbered IN
    SELECT a.attname
    FROM pg_attribute a
    WHERE a.attrelid = 'public.agent_compliance_runs'::regclass AND a.attnum > 0 AND NOT a.attisdropped
      AND (a.attidentity <> '' OR EXISTS (
        SELECT FROM pg_attrdef def
        JOIN pg_depend dep ON dep.classid = 'pg_attrdef'::regclass AND dep.objid = def.oid
        JOIN pg_class sequence ON dep.refclassid = 'pg_class'::regclass AND sequence.oid = dep.refobjid AND sequence.relkind = 'S'
        WHERE def.adrelid = a.attrelid AND def.adnum = a.attnum))
  LOOP
    EXECUTE format('ALTER TABLE history_cdc.tried_run ALTER %1$I DROP DEFAULT, ALTER %1$I DROP NOT NULL', numbered);
  END LOOP;
END
$$;

-- The images that the canonical table would refuse, with the SQLSTATE and the constraint or column that refuses them.
-- All are tried at once; only if that fails, one by one. A result without an id says what could not be tried.
CREATE FUNCTION history_cdc.refused_runs() RETURNS TABLE (run_id uuid, sql_state text, refused_by text)
LANGUAGE plpgsql
AS $$
DECLARE
  image history_cdc.run_image;
  named text;
  key record;
BEGIN
  BEGIN
    INSERT INTO history_cdc.tried_run (
      id, agent_url, lifecycle_stage, overall_status, headline, total_duration_ms, tested_at, tracks_json, tracks_passed,
      tracks_failed, tracks_skipped, tracks_partial, agent_profile_json, observations_json, triggered_by, dry_run,
      triggered_org_id)
    SELECT * FROM history_cdc.run_image;
  EXCEPTION WHEN OTHERS THEN
    FOR image IN SELECT * FROM history_cdc.run_image LOOP
      BEGIN
        INSERT INTO history_cdc.tried_run (
          id, agent_url, lifecycle_stage, overall_status, headline, total_duration_ms, tested_at, tracks_json,
          tracks_passed, tracks_failed, tracks_skipped, tracks_partial, agent_profile_json, observations_json,
          triggered_by, dry_run, triggered_org_id)
        SELECT image.*;
      EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS sql_state = RETURNED_SQLSTATE, refused_by = CONSTRAINT_NAME, named = COLUMN_NAME;
        run_id := image.id;
        refused_by := coalesce(nullif(refused_by, ''), nullif(named, ''), (
          -- Postgres does not say which value was too long.
          SELECT string_agg(a.attname, ', ' ORDER BY a.attnum)
          FROM pg_attribute a
          WHERE a.attrelid = 'history_cdc.tried_run'::regclass AND a.attnum > 0 AND NOT a.attisdropped
            AND a.atttypid IN ('varchar'::regtype, 'bpchar'::regtype) AND a.atttypmod > 4
            AND length(to_jsonb(image) ->> a.attname) > a.atttypmod - 4));
        RETURN NEXT;
      END;
    END LOOP;
  END;
  FOR key IN
    SELECT con.conname, con.confrelid::regclass AS referred_table, con.confmatchtype = 'f' AS match_full,
           string_agg(format('t.%I', referring.attname), ', ' ORDER BY pair.n) AS columns,
           string_agg(format('r.%I = t.%I', referred.attname, referring.attname), ' AND ' ORDER BY pair.n) AS equal
    FROM pg_constraint con
    CROSS JOIN LATERAL unnest(con.conkey, con.confkey) WITH ORDINALITY AS pair (referring, referred, n)
    JOIN pg_attribute referring ON referring.attrelid = con.conrelid AND referring.attnum = pair.referring
    JOIN pg_attribute referred ON referred.attrelid = con.confrelid AND referred.attnum = pair.referred
    WHERE con.contype = 'f' AND con.conparentid = 0 AND con.conrelid = 'public.agent_compliance_runs'::regclass
      -- Postgres 18 has constraints that are not enforced. Older versions do not have the column that says so.
      AND coalesce((to_jsonb(con) ->> 'conenforced')::boolean, true)
    GROUP BY con.conname, con.confrelid, con.confmatchtype
  LOOP
    refused_by := key.conname;
    BEGIN
      sql_state := '23503';
      FOR run_id IN EXECUTE format(
        'SELECT t.id FROM history_cdc.tried_run t WHERE CASE num_nulls(%s) WHEN 0 THEN NOT EXISTS (SELECT FROM %s r WHERE %s)
         ELSE %L AND num_nonnulls(%1$s) > 0 END',
        key.columns, key.referred_table, key.equal, key.match_full)
      LOOP
        RETURN NEXT;
      END LOOP;
    EXCEPTION WHEN insufficient_privilege THEN
      run_id := NULL;
      sql_state := '42501';
      RETURN NEXT;
    END;
  END LOOP;
END
$$;
