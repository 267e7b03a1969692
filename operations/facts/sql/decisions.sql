-- The ledger, counted in one pass over it: rows by decision; those whose legacy row was not deleted; those that wait for
-- a person beside the quarantine.
SELECT decision, count(*)::float8 AS rows,
       count(*) FILTER (WHERE source_deleted_at IS NULL)::float8 AS not_deleted,
       count(*) FILTER (WHERE reason = 'twin_blocked')::float8 AS blocked,
       count(*) FILTER (WHERE reason = 'weak_fingerprint')::float8 AS weak,
       count(*) FILTER (WHERE reason = 'straggler')::float8 AS stragglers
FROM history_cdc.ledger
GROUP BY decision
ORDER BY rows DESC, decision
