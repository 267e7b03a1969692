-- What the row was when it was suspected: the legacy row's xmin or, where the legacy row is gone, the position of the
-- decision. What is found again at another version is another difference, which may be on its way in its turn.
ALTER TABLE history_cdc.reconcile_finding ADD COLUMN version text NOT NULL DEFAULT '';

-- What the run waited for to the end, where it left something in flight: words for a person.
ALTER TABLE history_cdc.reconcile_run ADD COLUMN waited_for text;

-- The version of history-cdc that gave the verdict; NULL of those that were given before it was noted.
ALTER TABLE history_cdc.reconcile_run ADD COLUMN release text;
