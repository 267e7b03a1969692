-- The parked records of a key, open and healed. A column that an older schema does not have yet (the waiver) is NULL.
-- $1: the legacy id
SELECT q.id::text AS id, q.topic_id, q.partition, q."offset"::text AS "offset", q.reason, q.detail,
       q.quarantined_at::text AS quarantined_at, q.healed_at::text AS healed_at,
       to_jsonb(q) ->> 'waived_at' AS waived_at, to_jsonb(q) ->> 'waived_by' AS waived_by,
       to_jsonb(q) ->> 'waive_reason' AS waive_reason
FROM history_cdc.quarantine q
WHERE q.legacy_id = $1::uuid
ORDER BY q.quarantined_at, q.id
