-- Changes of a legacy row's primary key. Debezium shows one as a delete of the old key and a create of the new key, which may lie
-- in different partitions. Each half is recorded when it is read; once both are there, a sweep moves the decision and its canonical
-- row to the new key. Until then neither key is decided, or one run would have two canonical rows.
CREATE TABLE history_cdc.key_change (
  old_id         uuid NOT NULL,
  new_id         uuid NOT NULL,
  topic_id       uuid NOT NULL,
  -- The offsets of the two halves, each in the partition of its key; NULL: not read yet.
  deleted_offset bigint,
  created_offset bigint,
  recorded_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- When the run moved to the new key.
  moved_at       timestamptz,
  PRIMARY KEY (old_id, new_id)
);
CREATE INDEX key_change_new_id ON history_cdc.key_change (new_id);
