import { readFileSync } from 'node:fs';
import type { Pool } from '../consumers/lib/postgres.ts';

/** What to generate. Two runs with the same plan give the same rows, to the byte. */
export interface DemoPlan {
  readonly rows: number;
  readonly seed: number;
  readonly organisations: number;
  /** The history is the 18 months before this moment. */
  readonly endsAt: Date;
}

/** Fewer rows than this leave some kinds of row out, and the checks would have nothing to look at. */
export const FEWEST_ROWS = 2_000;
export const ORGANISATIONS = 500;

/** Rows an INSERT: large enough to cost nothing, small enough for a progress bar that moves. */
const ROWS_A_STATEMENT = 10_000;

export function demoSql(name: string): string {
  return readFileSync(new URL(`sql/${name}.sql`, import.meta.url), 'utf8');
}

/** Creates the application's tables: the state of a database before history-cdc comes near it. */
export async function createApplication(pool: Pool): Promise<void> {
  await pool.query(readFileSync(new URL('application.sql', import.meta.url), 'utf8'));
}

/**
 * Fills the application's tables, and the schema `demo` with what the generator knows about each row: that is what
 * makes the checks independent of every rule in the projector. All of it happens inside Postgres, set by set.
 */
export async function generateHistory(
  pool: Pool,
  plan: DemoPlan,
  onRows: (rows: number) => void = () => undefined,
): Promise<void> {
  await createNotes(pool, plan);
  await pool.query(demoSql('organisations'));
  await pool.query(demoSql('bodies'));
  for (let first = 1; first <= plan.rows; first += ROWS_A_STATEMENT) {
    const last = Math.min(first + ROWS_A_STATEMENT - 1, plan.rows);
    await writeRows(pool, { first, last, origin: 'snapshot' });
    onRows(last);
  }
  await pool.query(demoSql('canonical-rows'));
  await pool.query('INSERT INTO demo.fingerprint SELECT subject, rows, hash FROM demo.fingerprint_now');
}

/** Creates the schema `demo`, which takes the plan over from its session's settings. */
async function createNotes(pool: Pool, plan: DemoPlan): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query(
      `SELECT set_config('demo.seed', $1, false), set_config('demo.rows', $2, false),
              set_config('demo.organisations', $3, false), set_config('demo.ends_at', $4, false)`,
      [String(plan.seed), String(plan.rows), String(plan.organisations), plan.endsAt.toISOString()],
    );
    await client.query(demoSql('schema'));
  } finally {
    client.release(true);
  }
}

const LEGACY_ROWS = demoSql('legacy-rows');

/** Numbered rows: those of the history come first, those of the stream go on from there. */
export interface NumberedRows {
  readonly first: number;
  readonly last: number;
  readonly origin: 'snapshot' | 'stream';
}

export async function writeRows(pool: Pool, { first, last, origin }: NumberedRows): Promise<void> {
  // Prepared: planning it takes longer than writing the few rows of a streamed burst.
  await pool.query({ name: 'demo-legacy-rows', text: LEGACY_ROWS, values: [first, last, origin] });
}
