-- What the ledger has for a legacy row, the look-ups of its decision among it, and our row that is kept beside an
-- unsettled twin. $1 the legacy id
SELECT l.decision, l.reason, l.canonical_run_id, l.rule_version, l.topic_id, l.partition, l."offset"::text AS "offset",
       l.lsn::text AS lsn, l.op, l.snapshot, l.started_at::text AS started_at, l.decided_at::text AS decided_at,
       l.source_deleted_at::text AS source_deleted_at, l.fingerprint, l.profile_hash,
       l.agent_context_id, l.user_id, l.organization_id, l.agent_url, l.is_member, l.lists_agent, l.opted_out,
       l.lifecycle_stage, u.legacy_id IS NOT NULL AS unsettled, u.run_id AS kept_run_id, u.agent_url IS NOT NULL AS keeps_run
FROM history_cdc.ledger l
LEFT JOIN history_cdc.unsettled_twin u ON u.legacy_id = l.legacy_id
WHERE l.legacy_id = $1::uuid
