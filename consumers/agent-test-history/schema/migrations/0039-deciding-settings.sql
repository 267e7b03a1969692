-- The settings by which the projectors decide, in one row. Two projectors with different ones would decide the same kind of run
-- differently, and neither would notice. A projector compares its own settings with this row when it starts and when it claims
-- a partition; a person accepts others with `project --accept-new-settings`.
CREATE TABLE history_cdc.deciding_settings (
  is_only  boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  -- The value by the name of the setting.
  settings jsonb NOT NULL,
  since    timestamptz NOT NULL DEFAULT clock_timestamp()
);
