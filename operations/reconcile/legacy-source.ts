import { PlainArray, textArray } from '../../lib/array-parameter.ts';
import type { Pool } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { rowsOf, rowsParameters, type Rows } from './rows.ts';

const READ_LEGACY = sqlFile(import.meta.url, './sql/read-legacy.sql');
const ABSENT = `
  SELECT e.id FROM unnest($1::uuid[]) AS e (id)
  WHERE NOT EXISTS (SELECT FROM public.agent_test_history t WHERE t.id = e.id)`;

interface LegacyRow {
  readonly id: string;
  readonly agent_context_id: string;
  readonly scenario: string;
  readonly overall_passed: boolean;
  readonly steps_passed: number;
  readonly steps_failed: number;
  readonly total_duration_ms: number | null;
  readonly summary: string | null;
  readonly dry_run: boolean | null;
  readonly user_id: string | null;
  readonly agent_profile_json: string | null;
  readonly started_at: string;
  readonly steps_json: string | null;
  readonly version: string;
}

/** Legacy rows of another database, as parameters for `sql/legacy-there.sql`. */
export async function readElsewhere(legacy: Pool, rows: Rows): Promise<unknown[]> {
  const { rows: read } = await legacy.query<LegacyRow>(
    READ_LEGACY.replace('{{rows}}', rowsOf('id', rows, 1)),
    rowsParameters(rows),
  );
  const plain = (
    column: 'id' | 'agent_context_id' | 'overall_passed' | 'steps_passed' | 'steps_failed' | 'version',
  ) => new PlainArray(read.map((row) => row[column]));
  const text = (column: 'scenario' | 'summary' | 'user_id' | 'agent_profile_json' | 'steps_json') =>
    textArray(read.map((row) => row[column]));
  return [
    plain('id'),
    plain('agent_context_id'),
    text('scenario'),
    plain('overall_passed'),
    plain('steps_passed'),
    plain('steps_failed'),
    new PlainArray(read.map((row) => row.total_duration_ms)),
    text('summary'),
    new PlainArray(read.map((row) => row.dry_run)),
    text('user_id'),
    text('agent_profile_json'),
    read.map((row) => row.started_at),
    text('steps_json'),
    plain('version'),
  ];
}

/** Those of the ids that are missing in the other database's legacy table. */
export async function absentElsewhere(legacy: Pool, ids: readonly string[]): Promise<string[]> {
  const { rows } = await legacy.query<{ id: string }>(ABSENT, [new PlainArray(ids)]);
  return rows.map(({ id }) => id);
}

const PARKED_IDS = `
  SELECT legacy_id FROM history_cdc.ledger WHERE decision = 'quarantined'
  UNION
  SELECT legacy_id FROM history_cdc.quarantine WHERE healed_at IS NULL AND legacy_id IS NOT NULL`;
const PARKED_ROWS =
  'SELECT id, agent_context_id, user_id FROM public.agent_test_history WHERE id = ANY ($1::uuid[])';

/**
 * The quarantined rows as the legacy table has them (id, context, user). Only the legacy table can say whose runs they
 * are.
 */
export async function readParked(legacy: Pool, canonical: Pool): Promise<unknown[]> {
  const { rows: parked } = await canonical.query<{ legacy_id: string }>(PARKED_IDS);
  const { rows } = await legacy.query<Pick<LegacyRow, 'id' | 'agent_context_id' | 'user_id'>>(PARKED_ROWS, [
    new PlainArray(parked.map(({ legacy_id }) => legacy_id)),
  ]);
  return [
    new PlainArray(rows.map(({ id }) => id)),
    new PlainArray(rows.map(({ agent_context_id }) => agent_context_id)),
    textArray(rows.map(({ user_id }) => user_id)),
  ];
}
