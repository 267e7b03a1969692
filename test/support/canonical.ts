import { createHash } from 'node:crypto';
import type { Pipeline } from './pipeline.ts';

/** What differs from what plain SQL over the application's tables says: nothing, if all is well. */
export async function differences(pipeline: Pipeline): Promise<unknown[]> {
  return await pipeline.query(
    'SELECT what, legacy_id, agent_url, tested_at::text, headline IS NULL AS no_headline FROM oracle.difference',
  );
}

/**
 * What is wrong with the accounts: rows that ever were and are not in the ledger, or in it and never were; rows that
 * are, with another decision than plain SQL gives them; canonical rows that the ledger does not link to, and links
 * that lead nowhere.
 */
export async function accountingErrors(pipeline: Pipeline): Promise<unknown[]> {
  return await pipeline.query(`
    SELECT 'not in the ledger' AS what, legacy_id FROM oracle.seen WHERE legacy_id NOT IN (SELECT legacy_id FROM history_cdc.ledger)
    UNION ALL
    SELECT 'never was', legacy_id FROM history_cdc.ledger WHERE legacy_id NOT IN (SELECT legacy_id FROM oracle.seen)
    UNION ALL
    SELECT 'decided as ' || l.decision || ', is ' || d.decision, l.legacy_id
    FROM history_cdc.ledger l JOIN oracle.decision d ON d.id = l.legacy_id
    WHERE l.decision <> d.decision AND l.legacy_id NOT IN (SELECT legacy_id FROM oracle.kept_run)
    UNION ALL
    SELECT 'not linked', r.legacy_id
    FROM oracle.actual_run r
    WHERE NOT EXISTS (SELECT FROM history_cdc.ledger l JOIN agent_compliance_runs c ON c.id = l.canonical_run_id
                      WHERE l.legacy_id = r.legacy_id AND c.observations_json ->> 'backfill_source_id' = r.legacy_id::text)
    UNION ALL
    SELECT 'linked to nothing', legacy_id FROM history_cdc.ledger
    WHERE canonical_run_id IS NOT NULL AND canonical_run_id NOT IN (SELECT id FROM agent_compliance_runs)
    UNION ALL
    SELECT 'marked deleted, and is there', legacy_id FROM history_cdc.ledger
    WHERE source_deleted_at IS NOT NULL AND legacy_id IN (SELECT id FROM agent_test_history)
    UNION ALL
    SELECT 'is gone, and not marked deleted', legacy_id FROM history_cdc.ledger
    WHERE source_deleted_at IS NULL AND legacy_id NOT IN (SELECT id FROM agent_test_history)`);
}

/** Decisions of the ledger, counted. */
export async function ledgerDecisions(pipeline: Pipeline): Promise<Record<string, number>> {
  const rows = await pipeline.query<{ decision: string; count: number }>(
    'SELECT decision, count(*)::integer AS count FROM history_cdc.ledger GROUP BY decision',
  );
  return Object.fromEntries(rows.map(({ decision, count }) => [decision, count]));
}

export async function runsInAll(pipeline: Pipeline): Promise<number> {
  return await pipeline.value<number>('SELECT count(*)::integer FROM agent_compliance_runs');
}

/** A hash of all rows of the canonical tables, every column, bystanders included. */
export async function canonicalHash(pipeline: Pipeline): Promise<string> {
  return await hashOf(pipeline, [
    'SELECT r::text AS line FROM agent_compliance_runs r',
    'SELECT s::text AS line FROM agent_compliance_status s',
  ]);
}

/** The canonical rows, and what the ledger and the quarantine say, all but the clock: two ways to one end agree in it. */
export async function contentHash(pipeline: Pipeline): Promise<string> {
  return await hashOf(pipeline, [
    'SELECT r::text AS line FROM agent_compliance_runs r',
    "SELECT (to_jsonb(l) - 'decided_at')::text AS line FROM history_cdc.ledger l",
    "SELECT (to_jsonb(q) - 'id' - 'quarantined_at' - 'healed_at')::text AS line FROM history_cdc.quarantine q",
    "SELECT topic_id || ' ' || partition || ' ' || next_offset AS line FROM history_cdc.consumer_offset",
  ]);
}

async function hashOf(pipeline: Pipeline, queries: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const query of queries) {
    const rows = await pipeline.query<{ line: string }>(`${query} ORDER BY 1`);
    for (const { line } of rows) hash.update(`${line}\n`);
    hash.update('--\n');
  }
  return hash.digest('hex');
}

/** The canonical id that belongs to a legacy id: UUIDv5, as RFC 9562 makes it, in the namespace of this project. */
export function expectedRunId(legacyId: string): string {
  const bytes = (uuid: string) => Buffer.from(uuid.replaceAll('-', ''), 'hex');
  const digest = createHash('sha1')
    .update(bytes('5c0d4a5e-8f5b-4b0e-9c3a-7d1f6f2b9e44'))
    .update(legacyId)
    .digest()
    .subarray(0, 16);
  digest.writeUInt8((digest.readUInt8(6) & 0x0f) | 0x50, 6);
  digest.writeUInt8((digest.readUInt8(8) & 0x3f) | 0x80, 8);
  return digest.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
