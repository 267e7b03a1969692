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
  -- Of owners' runs only.
  ADD COLUMN fingerprint  uuid,
  ADD COLUMN profile_hash uuid,
  -- The row takes part in matching. History from before the first live row does not, and costs the index nothing.
  ADD COLUMN in_window    boolean NOT NULL DEFAULT false;
CREATE INDEX ledger_matchable ON history_cdc.ledger (agent_url, fingerprint, started_at) WHERE in_window;

-- Deferrable, so that one statement can let two legacy rows swap their live rows.
ALTER TABLE history_cdc.ledger DROP CONSTRAINT ledger_canonical_run_id_key;
ALTER TABLE history_cdc.ledger
  ADD CONSTRAINT ledger_canonical_run_id_key UNIQUE (canonical_run_id) DEFERRABLE INITIALLY IMMEDIATE;

-- What an earlier release projected.
UPDATE history_cdc.ledger l
SET fingerprint = history_cdc.run_fingerprint(r.headline, r.total_duration_ms, r.overall_status = 'passing'),
    profile_hash = history_cdc.profile_hash(r.agent_profile_json)
FROM public.agent_compliance_runs r
WHERE l.decision = 'projected' AND r.id = l.canonical_run_id;

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
