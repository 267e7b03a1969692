-- Suspects that were just found again are certain if no delay explains them. That is so for findings between our own
-- tables, which change together; for findings that are older than the moment which the stream and the projectors are known
-- to have passed; and, at the end, for live rows that no sweep has taken over. At the end the others are in flight.
-- Both times are of the canonical database's clock, so that no other clock can confirm a row that is on its way.
-- $1 the run, $2 the moment whose source position was passed before the suspects were looked at (NULL: none yet),
-- $3 nothing is on its way, $4 it was the last look
UPDATE history_cdc.reconcile_finding f
SET state = CASE
  WHEN f.kind NOT IN ('unseen', 'different', 'vanished') OR $3::boolean OR f.suspected_at < $2::timestamptz THEN 'confirmed'
  ELSE 'in_flight'
END
WHERE f.run_id = $1 AND f.state = 'suspect'
  AND ($4::boolean OR $3::boolean
       OR f.kind NOT IN ('unseen', 'different', 'vanished', 'suspected_twin', 'nearer_twin')
       OR (f.kind NOT IN ('suspected_twin', 'nearer_twin') AND f.suspected_at < $2::timestamptz))
