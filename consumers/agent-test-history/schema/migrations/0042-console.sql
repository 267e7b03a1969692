-- Since when the clock of each condition runs, as the last look at the soak found it: an ISO time by the condition's id.
ALTER TABLE history_cdc.soak_look ADD COLUMN since jsonb NOT NULL DEFAULT '{}';
-- The rules of accepted differences that a run was given: id, owner, reason and last day of each. NULL in runs before this column.
ALTER TABLE history_cdc.reconcile_run ADD COLUMN accept_rules jsonb;
