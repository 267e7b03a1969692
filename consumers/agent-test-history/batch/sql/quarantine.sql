-- Parks records that cannot be decoded or mapped, with their bytes. A replay parks no record twice. A closed record is
-- opened again with its new fault, because a retry closes records before it takes them through the pipeline. The key
-- gets the decision `quarantined`, unless it has a canonical row, because an owner decision is never taken back. If the
-- ledger had a delete for the key, that delete is kept with the record.
WITH event AS MATERIALIZED (
  SELECT *
  FROM unnest($1::uuid[], $2::integer[], $3::bigint[], $4::uuid[], $5::text[], $6::text[], $7::bytea[], $8::bytea[], $9::boolean[],
              $10::bytea[], $11::bigint[])
         AS e (topic_id, partition, "offset", legacy_id, reason, detail, record_key, record_value, records_decision,
               value_hash, value_bytes)
),
parked AS (
  INSERT INTO history_cdc.quarantine AS q (
    topic_id, partition, "offset", legacy_id, reason, detail, record_key, record_value, value_hash, value_bytes,
    delete_before_offset, delete_before_lsn, delete_before_snapshot, delete_before_at
  )
  SELECT e.topic_id, e.partition, e."offset", e.legacy_id, e.reason, e.detail, e.record_key, e.record_value, e.value_hash, e.value_bytes,
         d."offset", d.lsn, d.snapshot, d.source_deleted_at
  FROM event e
  LEFT JOIN history_cdc.ledger d
    ON e.records_decision AND d.legacy_id = e.legacy_id AND d.op = 'd' AND d.source_deleted_at IS NOT NULL
       AND d.topic_id = e.topic_id AND d.partition = e.partition AND d."offset" < e."offset"
  ON CONFLICT (topic_id, partition, "offset") DO UPDATE SET
    healed_at = NULL, reason = excluded.reason, detail = excluded.detail,
    legacy_id = coalesce(q.legacy_id, excluded.legacy_id)
  WHERE q.healed_at IS NOT NULL
),
recorded AS (
  INSERT INTO history_cdc.ledger AS l (
    legacy_id, decision, reason, rule_version, topic_id, partition, "offset", op, snapshot
  )
  SELECT e.legacy_id, 'quarantined', e.reason, $12::smallint, e.topic_id, e.partition, e."offset", '?', false
  FROM event e
  WHERE e.records_decision
  ON CONFLICT (legacy_id) DO UPDATE SET
    decision = excluded.decision, reason = excluded.reason, rule_version = excluded.rule_version,
    agent_context_id = NULL, user_id = NULL, organization_id = NULL, agent_url = NULL, lifecycle_stage = NULL,
    is_member = NULL, lists_agent = NULL, opted_out = NULL,
    topic_id = excluded.topic_id, partition = excluded.partition, "offset" = excluded."offset", lsn = NULL,
    op = excluded.op, snapshot = excluded.snapshot, content_hash = NULL, started_at = NULL,
    fingerprint = NULL, profile_hash = NULL,
    decided_at = clock_timestamp(), source_deleted_at = NULL
  WHERE (l.topic_id <> excluded.topic_id OR (l.partition = excluded.partition AND l."offset" < excluded."offset")
         -- A row that was decided again at its position (sweep/decide-again.ts), and that Postgres refused.
         OR (l.partition = excluded.partition AND l."offset" = excluded."offset"
             AND l.decision IN ('third_party', 'anonymous', 'opted_out', 'orphaned')))
    AND l.canonical_run_id IS NULL
  RETURNING 1
)
SELECT 0 AS runs_inserted, 0 AS runs_updated, (SELECT count(*) FROM recorded)::integer AS ledger_written
