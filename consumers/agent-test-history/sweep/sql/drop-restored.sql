-- Removes what `undo` kept of rows that have a decision again, $1 days after the undo, at most $2 rows. Rows that were
-- not restored stay, however old they are, because they are the only copy of the decision.
DELETE FROM history_cdc.undone u
WHERE u.legacy_id IN (
  SELECT k.legacy_id
  FROM history_cdc.undone k
  JOIN history_cdc.ledger l ON l.legacy_id = k.legacy_id
  WHERE k.undone_at < clock_timestamp() - $1::integer * interval '1 day'
  LIMIT $2::bigint)
