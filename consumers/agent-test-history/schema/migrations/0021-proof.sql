-- What `reconcile` can find has grown (reconcile/kinds.ts): which findings are for a person to know, and no failure.
ALTER TABLE history_cdc.reconcile_finding DROP COLUMN severity;
ALTER TABLE history_cdc.reconcile_finding ADD COLUMN severity text NOT NULL GENERATED ALWAYS AS (
  CASE WHEN kind IN ('pruned', 'weak_twin', 'script_elevated', 'script_doubled', 'owner_then', 'owner_by_now',
                     'parked_other', 'waived', 'moved_away', 'twin_changed', 'truncated')
    THEN 'info' ELSE 'wrong' END) STORED;

-- How many rows a verdict does not speak of, by the reason; NULL in runs of earlier releases.
ALTER TABLE history_cdc.reconcile_run ADD COLUMN excepted jsonb;

-- How many rows the legacy table held at the end, counted without its indexes: the walk by the key may have missed some.
ALTER TABLE history_cdc.reconcile_run ADD COLUMN legacy_counted bigint;

-- Truncates of the legacy table that a person has accepted. What the ledger had seen before one is gone from the table
-- without an event of its own.
CREATE TABLE history_cdc.truncated (
  topic_id    uuid NOT NULL REFERENCES history_cdc.topic ON DELETE CASCADE,
  partition   integer NOT NULL,
  "offset"    bigint NOT NULL,
  -- NULL where the record does not say.
  lsn         pg_lsn,
  accepted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (topic_id, partition, "offset")
);
