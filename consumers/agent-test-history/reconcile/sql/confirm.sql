-- Suspects that were just found again are certain where no delay explains them: those that compare our own tables, which
-- change together; those that the stream has passed; and, at the end, live rows that no sweep has taken over. At the end
-- the others are in flight.
-- $1 the run, $2 up to when every partition was projected before they were looked at, $3 nothing is on its way,
-- $4 it was the last look, $5 up to when the source is known to be projected, whether or not it changed since
UPDATE history_cdc.reconcile_finding f
SET state = CASE
  WHEN f.kind NOT IN ('unseen', 'different', 'vanished', 'suspected_twin') OR $3::boolean THEN 'confirmed'
  WHEN f.kind = 'suspected_twin' THEN 'confirmed'
  WHEN f.suspected_at < greatest($2::timestamptz, $5::timestamptz) THEN 'confirmed'
  ELSE 'in_flight'
END
WHERE f.run_id = $1 AND f.state = 'suspect'
  AND ($4::boolean OR $3::boolean
       OR f.kind NOT IN ('unseen', 'different', 'vanished', 'suspected_twin')
       OR (f.kind <> 'suspected_twin' AND f.suspected_at < greatest($2::timestamptz, $5::timestamptz)))
