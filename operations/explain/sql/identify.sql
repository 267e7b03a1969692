-- What an id may be, in one row. $1 the id, $2 the id of the canonical row that we would write if it is a legacy id
SELECT EXISTS (SELECT FROM history_cdc.ledger l WHERE l.legacy_id = $1::uuid) AS in_ledger,
       EXISTS (SELECT FROM history_cdc.undone u WHERE u.legacy_id = $1::uuid) AS was_undone,
       EXISTS (SELECT FROM history_cdc.quarantine q WHERE q.legacy_id = $1::uuid) AS in_quarantine,
       EXISTS (SELECT FROM history_cdc.script_copy s WHERE s.legacy_id = $1::uuid) AS copied_by_script,
       EXISTS (SELECT FROM public.agent_compliance_runs r
               WHERE r.id = $2::uuid AND r.observations_json ->> 'backfill_script' = 'history-cdc') AS has_own_run,
       (SELECT l.legacy_id FROM history_cdc.ledger l WHERE l.canonical_run_id = $1::uuid) AS linked_legacy_id,
       (SELECT u.legacy_id FROM history_cdc.unsettled_twin u WHERE u.run_id = $1::uuid) AS kept_for_legacy_id,
       (SELECT u.legacy_id FROM history_cdc.undone u WHERE u.run_id = $1::uuid) AS undone_legacy_id,
       EXISTS (SELECT FROM history_cdc.topic) AS has_projected
