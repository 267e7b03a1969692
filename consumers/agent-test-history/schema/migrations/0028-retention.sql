-- The content of a parked record may be removed: after PARKED_RETENTION_DAYS once it is settled, by `forget`, or at once where
-- the record is larger than RECORD_MAX_BYTES. Then its hash and its size stand in its place; key, position and reason stay.
ALTER TABLE history_cdc.quarantine
  ADD COLUMN value_hash  bytea,
  ADD COLUMN value_bytes bigint,
  -- When the content was removed; NULL of a record that was too large to be kept at all.
  ADD COLUMN erased_at   timestamptz,
  ADD CHECK (num_nonnulls(value_hash, value_bytes) IN (0, 2)),
  ADD CHECK (value_hash IS NULL OR record_value IS NULL),
  ADD CHECK (erased_at IS NULL OR value_hash IS NOT NULL);

-- What a sweep looks at: settled records whose content is there.
CREATE INDEX quarantine_settled ON history_cdc.quarantine (coalesce(healed_at, waived_at))
  WHERE record_value IS NOT NULL AND coalesce(healed_at, waived_at) IS NOT NULL;
