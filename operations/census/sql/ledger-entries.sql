-- The ledger's decisions on legacy rows, the look-ups behind them, and the links beside them.
-- $1 legacy ids, $2 the live rows that are predicted for them (NULL: none)
SELECT e.legacy_id, l.decision, l.reason, l.rule_version, l.agent_context_id, l.user_id, l.agent_url, l.is_member,
       l.lists_agent, l.opted_out, l.fingerprint, run.id IS NOT NULL AS run_exists,
       l.decision = 'twin' AND open_pair.legacy_id IS NULL AS pair_settled,
       holder.legacy_id AS live_holder, live.tested_at > l.decided_at AS live_row_is_younger,
       EXISTS (SELECT FROM history_cdc.script_copy s WHERE s.legacy_id = e.legacy_id) AS copy_was_known,
       EXISTS (SELECT FROM history_cdc.undone u WHERE u.legacy_id = e.legacy_id) AS was_undone
FROM unnest($1::uuid[], $2::uuid[]) AS e (legacy_id, live_run_id)
LEFT JOIN LATERAL (SELECT * FROM history_cdc.ledger l WHERE l.legacy_id = e.legacy_id LIMIT 1) l ON true
LEFT JOIN public.agent_compliance_runs run ON run.id = l.canonical_run_id
LEFT JOIN history_cdc.unsettled_twin open_pair ON open_pair.legacy_id = e.legacy_id
LEFT JOIN public.agent_compliance_runs live ON live.id = e.live_run_id
LEFT JOIN history_cdc.ledger holder ON holder.canonical_run_id = e.live_run_id AND holder.legacy_id <> e.legacy_id
