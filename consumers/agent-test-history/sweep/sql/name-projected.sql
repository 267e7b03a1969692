-- Names projected rows by their time. `straggler`: from the first live row on, less the match window, because the live path was
-- up and did not record them. `history`: before, and where the time is infinite or after the year 9999, because no live row can
-- be near to such a time (the projector names by `epochMicros`, which has none for them).
-- $1 that moment in microseconds since 1970 (NULL: there is no live row), $2 whether rows that have a name are looked at again
UPDATE history_cdc.ledger l
SET reason = named.reason
FROM (
  SELECT u.legacy_id, CASE WHEN u.started_at < timestamptz '10000-01-01 00:00:00+00' AND u.started_at >= timestamptz 'epoch' + $1::bigint * interval '1 microsecond'
                           THEN 'straggler' ELSE 'history' END AS reason
  FROM history_cdc.ledger u
  WHERE u.decision = 'projected' AND (u.reason = 'owner' OR ($2::boolean AND u.reason IN ('history', 'straggler')))
) AS named
WHERE l.legacy_id = named.legacy_id AND l.decision = 'projected' AND l.reason <> named.reason
  AND l.reason IN ('owner', 'history', 'straggler')
