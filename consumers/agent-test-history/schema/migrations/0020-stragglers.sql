-- Projected rows say in their reason which kind they are. `owner` is a row that nobody has named yet: the next sweep names it
-- `history` or `straggler`, those of earlier releases too.
CREATE INDEX ledger_unnamed ON history_cdc.ledger (started_at) WHERE reason = 'owner';
CREATE INDEX ledger_stragglers ON history_cdc.ledger (legacy_id) WHERE reason = 'straggler';
