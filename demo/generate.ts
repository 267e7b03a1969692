import { readFileSync } from 'node:fs';
import type { Client, Pool } from '../lib/postgres.ts';

/** What to generate. Two runs with the same plan give byte-identical rows. */
export interface DemoPlan {
  readonly rows: number;
  readonly seed: number;
  readonly organisations: number;
  /** The history is the 18 months before this moment. */
  readonly endsAt: Date;
}

/** With fewer rows than this, some kinds of rows are missing, and their checks have nothing to look at. */
export const FEWEST_ROWS = 2_000;
export const ORGANISATIONS = 500;

/** Rows per INSERT: enough that the overhead does not matter, and few enough that the progress bar moves. */
const ROWS_A_STATEMENT = 10_000;

export function demoSql(name: string): string {
  return readFileSync(new URL(`sql/${name}.sql`, import.meta.url), 'utf8');
}

/** Creates the application's tables, as they are before history-cdc is installed. */
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
  await pool.query(demoSql('images'));
  for (let first = 1; first <= plan.rows; first += ROWS_A_STATEMENT) {
    const last = Math.min(first + ROWS_A_STATEMENT - 1, plan.rows);
    const runs = await planRuns(pool, { first, last, origin: 'snapshot', newPods: false });
    await writeBoth(pool, numbersOf(runs));
    onRows(last);
  }
  await pool.query(demoSql('hard-cases'));
  const { rows: hardRuns } = await pool.query<{ n: number }>('SELECT n::integer AS n FROM demo.hard_run');
  await writeBoth(pool, numbersOf(hardRuns));
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

/** Numbered runs: those of the history come first, those of the writer go on from there. */
export interface NumberedRuns {
  readonly first: number;
  readonly last: number;
  readonly origin: 'snapshot' | 'meanwhile' | 'stream';
  /** Pods of the release that stops the legacy write are up. */
  readonly newPods: boolean;
}

/** Who writes a run, and where to: the paths of `demo/sql/schema.sql`. */
export interface PlannedRun {
  readonly n: number;
  readonly path:
    'legacy' | 'old pod' | 'failed live write' | 'both' | 'late' | 'new pod' | 'failed legacy write';
}

const RUNS = demoSql('runs');
const LEGACY_ROWS = demoSql('legacy-rows');
const LIVE_ROWS = demoSql('live-rows');

/** Plans the runs and the expected results. It does not write the runs to the application's tables yet. */
export async function planRuns(
  client: Client,
  { first, last, origin, newPods }: NumberedRuns,
): Promise<PlannedRun[]> {
  // Prepared, like the two below: planning them takes longer than writing the few rows of a streamed burst.
  const { rows } = await client.query<PlannedRun>({
    name: 'demo-runs',
    text: RUNS,
    values: [first, last, origin, newPods],
  });
  return rows;
}

/** Writes the legacy rows of those runs that have one. */
export async function writeLegacyRows(client: Client, runs: readonly number[]): Promise<void> {
  await client.query({ name: 'demo-legacy-rows', text: LEGACY_ROWS, values: [runs] });
}

/** Writes the live rows of those runs that have one. */
export async function writeLiveRows(client: Client, runs: readonly number[]): Promise<void> {
  await client.query({ name: 'demo-live-rows', text: LIVE_ROWS, values: [runs] });
}

async function writeBoth(pool: Pool, runs: readonly number[]): Promise<void> {
  await writeLiveRows(pool, runs);
  await writeLegacyRows(pool, runs);
}

function numbersOf(runs: readonly { readonly n: number }[]): number[] {
  return runs.map(({ n }) => n);
}
