import type { Pipeline } from '../pipeline.ts';
import type { Violation } from './names.ts';

/** What must not be found in the tables, one query per invariant; `oracle` is plain SQL that shares nothing with the code. */
const MUST_BE_EMPTY = `
  SELECT 'I1' AS invariant, 'not in the ledger: ' || legacy_id AS what FROM oracle.seen
  WHERE legacy_id NOT IN (SELECT legacy_id FROM history_cdc.ledger)
  UNION ALL SELECT 'I1', 'never was: ' || legacy_id FROM history_cdc.ledger
  WHERE legacy_id NOT IN (SELECT legacy_id FROM oracle.seen)
  UNION ALL SELECT 'I1', 'decided as ' || l.decision || ', is ' || d.decision || ': ' || l.legacy_id
  FROM history_cdc.ledger l JOIN oracle.decision d ON d.id = l.legacy_id
  WHERE l.decision <> d.decision AND l.legacy_id NOT IN (SELECT legacy_id FROM oracle.kept_run)
  UNION ALL SELECT 'I2', what || ': ' || legacy_id FROM oracle.difference
  UNION ALL SELECT 'I2', 'stands for ' || count(*) || ' legacy rows: ' || canonical_run_id FROM history_cdc.ledger
  WHERE canonical_run_id IS NOT NULL GROUP BY canonical_run_id HAVING count(*) > 1
  UNION ALL SELECT 'I2', 'linked to nothing: ' || legacy_id FROM history_cdc.ledger
  WHERE canonical_run_id IS NOT NULL AND canonical_run_id NOT IN (SELECT id FROM agent_compliance_runs)
  UNION ALL SELECT 'I6', 'beyond the stored offset: ' || p.partition || ':' || p."offset"
  FROM (SELECT topic_id, partition, "offset" FROM history_cdc.ledger
        UNION ALL SELECT topic_id, partition, "offset" FROM history_cdc.quarantine) AS p
  JOIN history_cdc.consumer_offset o USING (topic_id, partition) WHERE p."offset" >= o.next_offset
  UNION ALL SELECT 'I9', 'a row of ours without the proof of an owner: ' || r.id
  FROM agent_compliance_runs r
  LEFT JOIN history_cdc.ledger l ON l.canonical_run_id = r.id
  WHERE r.observations_json ->> 'backfill_script' = 'history-cdc'
    AND NOT coalesce(l.decision = 'projected' AND l.is_member AND l.lists_agent
                     AND r.observations_json ->> 'backfill_source_id' = l.legacy_id::text, false)
  UNION ALL SELECT 'I10', 'a row of the application changed or is gone: ' || id FROM
    (SELECT id, line FROM oracle.live EXCEPT SELECT id, r::text FROM agent_compliance_runs r) AS changed
  UNION ALL SELECT 'I10', 'a status of the application changed or is gone' FROM
    (SELECT line FROM oracle.live_status EXCEPT SELECT s::text FROM agent_compliance_status s) AS changed
  UNION ALL SELECT 'I11', 'marked deleted, and is there: ' || legacy_id FROM history_cdc.ledger
  WHERE source_deleted_at IS NOT NULL AND legacy_id IN (SELECT id FROM agent_test_history)
  UNION ALL SELECT 'I11', 'is gone, and not marked deleted: ' || legacy_id FROM history_cdc.ledger
  WHERE source_deleted_at IS NULL AND legacy_id NOT IN (SELECT id FROM agent_test_history)
  UNION ALL SELECT 'I12', 'holds a placeholder: ' || id FROM agent_compliance_runs r
  WHERE strpos(r::text, $1) > 0 OR strpos(r::text, '__debezium_unavailable_value') > 0
  UNION ALL SELECT 'I13', 'has a row of ours beside its twin: ' || l.legacy_id FROM history_cdc.ledger l
  JOIN agent_compliance_runs r ON r.observations_json ->> 'backfill_source_id' = l.legacy_id::text
    AND r.observations_json ->> 'backfill_script' = 'history-cdc'
  WHERE l.canonical_run_id <> r.id
  UNION ALL SELECT 'I18', 'has no whole provenance: ' || legacy_id FROM history_cdc.ledger
  WHERE topic_id NOT IN (SELECT topic_id FROM history_cdc.topic) OR "offset" < 0 OR rule_version < 1
     OR (op IN ('c', 'u', 'd') AND NOT snapshot AND lsn IS NULL)`;

/** What the application itself had in the canonical tables when the test began. */
export const REMEMBER_LIVE_ROWS = `
  CREATE TABLE oracle.live AS SELECT id, r::text AS line FROM agent_compliance_runs r;
  CREATE TABLE oracle.live_status AS SELECT s::text AS line FROM agent_compliance_status s`;

export async function tableViolations(pipeline: Pipeline): Promise<Violation[]> {
  return await pipeline.query<Violation & Record<string, unknown>>(MUST_BE_EMPTY, [
    pipeline.config.UNAVAILABLE_PLACEHOLDER,
  ]);
}

const EPOCHS = `SELECT topic_id || ':' || partition AS at, epoch::text FROM history_cdc.consumer_offset`;
/** The epochs that an earlier check of the same pipeline saw. */
const seenEpochs = new WeakMap<Pipeline, Map<string, bigint>>();

/** I8, as far as quiescence shows it: a later check finds no lower epoch. */
export async function epochViolations(pipeline: Pipeline): Promise<Violation[]> {
  const before = seenEpochs.get(pipeline) ?? new Map<string, bigint>();
  const rows = await pipeline.query<{ at: string; epoch: string }>(EPOCHS);
  const now = new Map(rows.map(({ at, epoch }) => [at, BigInt(epoch)]));
  seenEpochs.set(pipeline, now);
  return [...now]
    .filter(([at, epoch]) => epoch < (before.get(at) ?? 0n))
    .map(([at, epoch]) => ({ invariant: 'I8', what: `${at} went back to epoch ${String(epoch)}` }));
}
