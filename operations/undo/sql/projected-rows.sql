-- The next projected rows, by key, with the state of their canonical row.
-- $1 the last legacy id of the previous chunk (null at first), $2 rows
SELECT l.legacy_id, l.canonical_run_id AS run_id, l.source_deleted_at IS NOT NULL AS is_deleted,
       CASE WHEN r.id IS NULL THEN 'pruned'
            WHEN r.observations_json ->> 'backfill_script' = 'history-cdc' THEN 'ours'
            ELSE 'not ours' END AS run
FROM history_cdc.ledger l
LEFT JOIN public.agent_compliance_runs r ON r.id = l.canonical_run_id
WHERE ($1::uuid IS NULL OR l.legacy_id > $1::uuid) AND l.decision = 'projected'
ORDER BY l.legacy_id
LIMIT $2
