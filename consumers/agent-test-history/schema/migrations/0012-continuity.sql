-- What the stream into a topic stands on, recorded when it was first seen whole: server, timeline, publication, slot. One
-- row a part, as text that is compared as it is. Of a new topic, which begins with a whole snapshot, everything is
-- recorded anew.
CREATE TABLE history_cdc.source_identity (
  topic_id    uuid NOT NULL REFERENCES history_cdc.topic ON DELETE CASCADE,
  part        text NOT NULL CHECK (part IN ('system', 'timeline', 'publication', 'slot', 'position')),
  identity    text NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (topic_id, part)
);

-- A break of the stream: rows may be missing behind it, and nothing of the stream itself can tell. Projectors refuse to
-- work while one is open that nobody has accepted; it is closed by a `reconcile` that proves that nothing is missing.
CREATE TABLE history_cdc.gap (
  id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  topic_id      uuid NOT NULL REFERENCES history_cdc.topic,
  kind          text NOT NULL CHECK (kind IN ('topic', 'system', 'timeline', 'publication', 'slot', 'position')),
  -- What was recorded, and what was found.
  evidence      text NOT NULL,
  opened_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  accepted_at   timestamptz,
  -- The first transaction id of the legacy database that began after the acceptance: what is older may have been written
  -- around the break and be committed after it. NULL where it was not known.
  accepted_xmax xid8,
  closed_at     timestamptz,
  closed_by     text,
  CHECK ((closed_at IS NULL) = (closed_by IS NULL)),
  CHECK (closed_at IS NULL OR accepted_at IS NOT NULL)
);

CREATE UNIQUE INDEX gap_open ON history_cdc.gap (topic_id, kind) WHERE closed_at IS NULL;

-- When a watchdog asked Kafka Connect to restart a failed connector: all projectors together keep to the cap.
CREATE TABLE history_cdc.connector_restart (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  connector    text NOT NULL,
  requested_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX connector_restart_requested_at ON history_cdc.connector_restart (connector, requested_at);
