import type { Pool } from '../../lib/postgres.ts';
import type { WalkedPhase } from './checks.ts';
import type { Stretch } from './rows.ts';

const KEYS: Readonly<Record<WalkedPhase, { readonly table: string; readonly key: string }>> = {
  legacy: { table: 'public.agent_test_history', key: 'id' },
  ledger: { table: 'history_cdc.ledger', key: 'legacy_id' },
  canonical: { table: 'public.agent_compliance_runs', key: 'id' },
};

interface Ahead {
  readonly after: string | null;
  readonly chunkRows: number;
  /** How many stretches are compared at once. */
  readonly lanes: number;
}

/**
 * The next ranges of a table, next to each other and without a gap. Each range ends at a key, so a row that is inserted
 * in between belongs to exactly one range. The last range is open.
 */
export async function stretchesAhead(
  pool: Pool,
  phase: WalkedPhase,
  { after, chunkRows, lanes }: Ahead,
): Promise<Stretch[]> {
  const { table, key } = KEYS[phase];
  const stretches: Stretch[] = [];
  let from = after;
  while (stretches.length < lanes - 1) {
    const { rows } = await pool.query<{ id: string }>(
      `SELECT ${key} AS id FROM ${table} WHERE $1::uuid IS NULL OR ${key} > $1::uuid ORDER BY ${key} OFFSET $2 LIMIT 1`,
      [from, chunkRows - 1],
    );
    const upTo = rows[0]?.id;
    if (upTo === undefined) break;
    stretches.push({ after: from, upTo, limit: chunkRows });
    from = upTo;
  }
  return [...stretches, { after: from, upTo: undefined, limit: chunkRows }];
}
