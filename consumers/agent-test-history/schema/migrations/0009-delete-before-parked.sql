-- A record that is parked takes the decision of its key, and with it what the ledger knew of a delete just before it. A
-- retry that mends an earlier record, but not this one, has to apply that delete between the two: so it is kept here, in
-- the record's own topic and partition. Empty where the ledger had none, and on what was parked before this migration.
ALTER TABLE history_cdc.quarantine
  ADD COLUMN delete_before_offset   bigint,
  ADD COLUMN delete_before_lsn      pg_lsn,
  ADD COLUMN delete_before_snapshot boolean,
  ADD COLUMN delete_before_at       timestamptz,
  ADD CHECK (num_nonnulls(delete_before_offset, delete_before_snapshot, delete_before_at) IN (0, 3));
