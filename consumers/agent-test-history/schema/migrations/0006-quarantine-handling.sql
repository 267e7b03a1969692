-- What people do with parked records: a retry is counted, whatever came of it, and a waiver carries a name and a reason.
-- A waived record is still healed by the next complete event of its key, and stays in every count.
ALTER TABLE history_cdc.quarantine
  ADD COLUMN attempts     integer NOT NULL DEFAULT 0,
  ADD COLUMN attempted_at timestamptz,
  ADD COLUMN waived_at    timestamptz,
  ADD COLUMN waived_by    text,
  ADD COLUMN waive_reason text,
  ADD CHECK (num_nonnulls(waived_at, waived_by, waive_reason) IN (0, 3));
