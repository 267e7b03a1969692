-- Suspects that this look has found again, and that no delay explains, are wrong. Between the legacy table and the ledger the
-- stream is a delay: it must have passed a position that the source had after the row was suspected. A live row without a
-- link is taken over by the next sweep: one must have begun and ended since, or an hour must have passed. Both sides of every
-- other comparison change in one transaction. Both times are of this database's clock.
-- $1 the run, $2 when this look began, $3 the moment whose source position was passed before this look (NULL: none)
UPDATE history_cdc.reconcile_finding f
SET state = 'confirmed'
WHERE f.run_id = $1 AND f.state = 'suspect' AND f.seen_at >= $2::timestamptz AND f.suspected_at < $2::timestamptz
  AND CASE
    WHEN f.kind IN ('unseen', 'different', 'vanished') THEN f.suspected_at < $3::timestamptz
    WHEN f.kind IN ('suspected_twin', 'nearer_twin') THEN
      f.suspected_at < clock_timestamp() - interval '1 hour'
      OR EXISTS (SELECT FROM history_cdc.last_sweep s WHERE s.outcome = 'done' AND s.began_at > f.suspected_at)
    ELSE true
  END
