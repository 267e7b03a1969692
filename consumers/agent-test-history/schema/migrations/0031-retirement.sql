-- What `soak`, `archive`, `retire` and `evidence` share. Nobody changes or deletes a row of these tables: no role is granted
-- it, and a trigger refuses it to the owner, too. Role, address and time of a row are Postgres's own.

-- The stages on the way to the drop. The newest row is the stage of today; without a row it is `soaking`. A way back is a
-- row of its own.
CREATE TABLE history_cdc.stage (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at           timestamptz NOT NULL DEFAULT clock_timestamp(),
  role         text NOT NULL DEFAULT session_user,
  address      inet DEFAULT inet_client_addr(),
  performed_by text NOT NULL,
  stage        text NOT NULL CHECK (stage IN ('soaking', 'ready', 'fenced', 'archived', 'dropped')),
  -- What the transition rests on: ids, positions, counts and hashes, and never a value of a row.
  evidence     jsonb NOT NULL DEFAULT '{}'
);

-- Something that went wrong during the soak. It is recorded once, by whatever sees it first.
CREATE TABLE history_cdc.incident (
  id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind     text NOT NULL CHECK (kind IN ('gap', 'wrong_verdict', 'quarantined_owner', 'straggler', 'late_owner_write',
                                         'fenced_write')),
  -- What the incident is about, unique within its kind: the id of a gap, of a run of `reconcile`, of a parked record, or of
  -- a legacy row.
  subject  text NOT NULL,
  -- When the thing happened, by the clock of the database that knows it.
  began_at timestamptz NOT NULL,
  seen_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Ids of ours that belong to it, at most 100 of them.
  ids      text[] NOT NULL DEFAULT '{}',
  -- Names and counts, and never a value of a row.
  detail   text NOT NULL DEFAULT '',
  UNIQUE (kind, subject)
);

-- What became of an incident: it ended by itself (the record was healed, the gap was closed), or a person explained it.
CREATE TABLE history_cdc.incident_event (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  incident_id  bigint NOT NULL REFERENCES history_cdc.incident,
  at           timestamptz NOT NULL DEFAULT clock_timestamp(),
  role         text NOT NULL DEFAULT session_user,
  address      inet DEFAULT inet_client_addr(),
  performed_by text NOT NULL,
  event        text NOT NULL CHECK (event IN ('ended', 'explained')),
  reason       text NOT NULL
);
CREATE INDEX incident_event_incident ON history_cdc.incident_event (incident_id);

-- What a person attests because no database knows it. The newest row of a condition counts; `revoked` takes it back.
CREATE TABLE history_cdc.attestation (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at           timestamptz NOT NULL DEFAULT clock_timestamp(),
  role         text NOT NULL DEFAULT session_user,
  address      inet DEFAULT inet_client_addr(),
  performed_by text NOT NULL,
  condition    text NOT NULL CHECK (condition IN ('reading-canonical', 'third-party-plan')),
  revoked      boolean NOT NULL DEFAULT false,
  -- Since when it is so, as the person says.
  since        timestamptz,
  note         text NOT NULL,
  CHECK (revoked = (since IS NULL))
);

-- An archive of the legacy table: one per call of `archive export` that found something to write.
CREATE TABLE history_cdc.archive (
  id           uuid PRIMARY KEY,
  at           timestamptz NOT NULL DEFAULT clock_timestamp(),
  role         text NOT NULL DEFAULT session_user,
  address      inet DEFAULT inet_client_addr(),
  performed_by text NOT NULL,
  -- Where it lies (`s3://bucket/prefix`, or a folder), without credentials.
  target       text NOT NULL
);

-- What was done with an archive, and what came of it. An archive without an `exported` row was never finished.
CREATE TABLE history_cdc.archive_event (
  id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  archive_id      uuid NOT NULL REFERENCES history_cdc.archive,
  at              timestamptz NOT NULL DEFAULT clock_timestamp(),
  role            text NOT NULL DEFAULT session_user,
  address         inet DEFAULT inet_client_addr(),
  performed_by    text NOT NULL,
  event           text NOT NULL CHECK (event IN ('exported', 'verified', 'differs', 'drilled', 'drill_differs', 'erased')),
  manifest_sha256 bytea NOT NULL,
  -- Rows of the archive at the time.
  rows            bigint NOT NULL,
  -- The snapshot of the legacy table that the archive holds, or was compared with: its time by the legacy database's clock,
  -- a position of the WAL that is not behind it, and the snapshot itself (`pg_current_snapshot`). NULL of a drill.
  snapshot_at     timestamptz,
  snapshot_lsn    pg_lsn,
  snapshot        pg_snapshot,
  counts          jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX archive_event_archive ON history_cdc.archive_event (archive_id);

DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['stage', 'incident', 'incident_event', 'attestation', 'archive', 'archive_event'] LOOP
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON history_cdc.%I
      FOR EACH ROW EXECUTE FUNCTION history_cdc.refuse_change()', name);
    EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON history_cdc.%I
      FOR EACH STATEMENT EXECUTE FUNCTION history_cdc.refuse_change()', name);
    EXECUTE format('ALTER TABLE history_cdc.%I ENABLE ALWAYS TRIGGER append_only', name);
    EXECUTE format('ALTER TABLE history_cdc.%I ENABLE ALWAYS TRIGGER append_only_truncate', name);
    IF name <> 'incident' THEN
      EXECUTE format('CREATE TRIGGER stamp BEFORE INSERT ON history_cdc.%I
        FOR EACH ROW EXECUTE FUNCTION history_cdc.stamp_action()', name);
    END IF;
  END LOOP;
END
$$;
