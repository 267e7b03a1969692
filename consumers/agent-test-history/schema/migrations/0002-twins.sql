-- What is compared when an owner's run is held against a live row: headline, duration (0 and NULL are one) and
-- verdict. fingerprint.ts computes the same for rows that are not stored yet.
CREATE FUNCTION history_cdc.run_fingerprint(headline text, total_duration_ms integer, passing boolean) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN md5(
  CASE WHEN passing THEN 'passing ' ELSE 'other ' END || coalesce(nullif(total_duration_ms, 0)::text, '')
  || coalesce(' =' || headline, ''))::uuid;

-- NULL where there is no profile: a JSON null is none.
CREATE FUNCTION history_cdc.profile_hash(profile jsonb) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN jsonb_typeof(profile) <> 'null' THEN md5(profile::text)::uuid END;

-- True for a canonical row that the application's live path wrote, and neither we nor the earlier script.
CREATE FUNCTION history_cdc.is_live_run(triggered_by text, observations jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN triggered_by = 'owner_test' AND (observations ->> 'backfill_source') IS DISTINCT FROM 'agent_test_history';

ALTER TABLE history_cdc.ledger
  -- NULL where the row takes no part in matching: it is no owner's, or from before the first live row. To hash all of
  -- history took a twentieth of the projector's time; a live row that turns up there brings it about (sweep/).
  ADD COLUMN fingerprint  uuid,
  ADD COLUMN profile_hash uuid;
CREATE INDEX ledger_matchable ON history_cdc.ledger (agent_url, fingerprint, started_at) WHERE fingerprint IS NOT NULL;

-- Deferrable, so that one statement can let two legacy rows swap their live rows.
ALTER TABLE history_cdc.ledger DROP CONSTRAINT ledger_canonical_run_id_key;
ALTER TABLE history_cdc.ledger
  ADD CONSTRAINT ledger_canonical_run_id_key UNIQUE (canonical_run_id) DEFERRABLE INITIALLY IMMEDIATE;

-- Twins whose pair may still be recomputed, because rows that belong to their cluster may still come; a twin that is
-- not in here is settled, and nothing but a person unlinks it. Beside it the canonical row that we would write if the
-- live row went to another legacy row; none (agent_url NULL) where the agent is opted out.
CREATE TABLE history_cdc.unsettled_twin (
  legacy_id          uuid PRIMARY KEY,
  run_id             uuid NOT NULL,
  agent_url          text,
  lifecycle_stage    text,
  overall_status     text,
  headline           text,
  total_duration_ms  integer,
  tested_at          timestamptz NOT NULL,
  tracks_passed      integer,
  tracks_failed      integer,
  agent_profile_json jsonb,
  observations_json  jsonb,
  dry_run            boolean,
  triggered_org_id   text
);

-- Up to when (the source's own time) the stream of a partition is projected. Snapshot rows do not move it: they come
-- in the order of the table, so nothing is settled by them.
ALTER TABLE history_cdc.consumer_offset ADD COLUMN streamed_until timestamptz;

-- Spellings of agent URLs in live rows that are not the canonical one: the canonical table's index knows rows by
-- their spelling only.
CREATE TABLE history_cdc.agent_spelling (
  spelling  text PRIMARY KEY,
  agent_url text NOT NULL
);
CREATE INDEX agent_spelling_agent_url ON history_cdc.agent_spelling (agent_url);

-- What refers to canonical rows, by foreign keys of whatever table: the application has more tables than this project
-- knows. Deleting a row would take those rows with it, or break them. Whoever wants to refer to one of the rows waits
-- for our transaction, and then sees that it is gone. A table that may not be read is taken to refer to all of them.
-- With the rights of whoever migrates, so that projectors need none on those tables.
CREATE FUNCTION history_cdc.references_to_runs(run_ids uuid[]) RETURNS TABLE (run_id uuid, table_name text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  key record;
BEGIN
  PERFORM FROM public.agent_compliance_runs r WHERE r.id = ANY (run_ids) ORDER BY r.id FOR UPDATE;
  FOR key IN
    SELECT con.conrelid::regclass::text AS referring_table, col.attname AS referring_column,
           has_column_privilege(con.conrelid, col.attnum, 'SELECT') AS readable
    FROM pg_constraint con
    CROSS JOIN LATERAL unnest(con.conkey, con.confkey) AS pair (referring, referred)
    JOIN pg_attribute id ON id.attrelid = con.confrelid AND id.attnum = pair.referred AND id.attname = 'id'
    JOIN pg_attribute col ON col.attrelid = con.conrelid AND col.attnum = pair.referring
    -- A partition's key is that of its parent.
    WHERE con.contype = 'f' AND con.conparentid = 0 AND con.confrelid = 'public.agent_compliance_runs'::regclass
    ORDER BY 1, 2
  LOOP
    IF key.readable THEN
      RETURN QUERY EXECUTE format(
        'SELECT ours.id, %L::text FROM unnest($1) AS ours (id) WHERE EXISTS (SELECT FROM %s t WHERE t.%I = ours.id)',
        key.referring_table, key.referring_table, key.referring_column) USING run_ids;
    ELSE
      RETURN QUERY SELECT ours.id, key.referring_table FROM unnest(run_ids) AS ours (id);
    END IF;
  END LOOP;
END
$$;

-- Deletes canonical rows of ours, and of nobody else, and gives what they were. The only way in which a projector
-- deletes any: its role needs no right to.
CREATE FUNCTION history_cdc.delete_own_runs(run_ids uuid[]) RETURNS SETOF public.agent_compliance_runs
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
  DELETE FROM public.agent_compliance_runs r
  WHERE r.id = ANY (run_ids) AND r.observations_json ->> 'backfill_script' = 'history-cdc'
  RETURNING r.*
$$;
REVOKE EXECUTE ON FUNCTION history_cdc.references_to_runs(uuid[]), history_cdc.delete_own_runs(uuid[]) FROM PUBLIC;
