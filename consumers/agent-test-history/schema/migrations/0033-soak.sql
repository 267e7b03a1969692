-- What `soak` needs to know of the stream: who still writes to the legacy table, and since when that is watched.

-- The last owner's run that was inserted into the legacy table, and the last update of any row, by partition of the topic.
-- A batch writes a row here only where it holds such an event; a batch of snapshot rows or of strangers' runs writes none.
CREATE TABLE history_cdc.legacy_write (
  topic_id  uuid NOT NULL,
  partition integer NOT NULL,
  kind      text NOT NULL CHECK (kind IN ('owner_insert', 'update')),
  "offset"  bigint NOT NULL,
  legacy_id uuid NOT NULL,
  -- Names of what an update changed: `id`, `agent_context_id`, `user_id`, or `other`.
  columns   text[] NOT NULL DEFAULT '{}',
  -- When the source committed it, by its own clock; NULL where the record does not say.
  source_at timestamptz,
  -- When the projector read it, by this database's clock. Days are counted from the later of the two.
  seen_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (topic_id, partition, kind)
);

-- Since when every projector of the partition has kept `legacy_write`. A projector of an earlier release claims a partition
-- without moving `watched_epoch`, so that the two epochs differ, and the watch begins anew with the next claim.
ALTER TABLE history_cdc.consumer_offset
  ADD COLUMN watched_since timestamptz,
  ADD COLUMN watched_epoch bigint;

-- Reads of the legacy table, as samples of the legacy database's counters show them: a row per counter. `changed_at` moves
-- when the counter differs from the last sample, or when the statistics were reset in between.
CREATE TABLE history_cdc.legacy_reading (
  -- `scans`: of the table, by pg_stat_all_tables; `statement`: of a statement that names it, by pg_stat_statements;
  -- `session`: a session of another program that ran a statement that names it.
  source     text NOT NULL CHECK (source IN ('scans', 'statement', 'session')),
  -- The role, and what of it: the id of the statement, or the name of the application.
  role       text NOT NULL DEFAULT '',
  subject    text NOT NULL DEFAULT '',
  counter    text NOT NULL,
  -- When the statistics were reset last, as the server says.
  epoch      text NOT NULL DEFAULT '',
  first_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  looked_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (source, role, subject)
);

-- What the last look at the conditions came to: one row, written over by the next look. `status`, `doctor` and the metrics
-- show it with its age.
CREATE TABLE history_cdc.soak_look (
  is_only    boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- The state by the id of the condition.
  conditions jsonb NOT NULL,
  forecast   timestamptz
);
