-- Names projected rows by their start. `straggler`: the row started after the first live row less the match window, so
-- the live path was up and did not record it. `history`: it started earlier, or its time is infinite or after the year
-- 9999, because no live row can be near to such a time (`epochMicros` in the projector gives none for it either).
-- $1 that limit in microseconds since 1970 (NULL: there is no live row), $2 true if named rows are named again
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
