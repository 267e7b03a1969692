import { fillTemplate } from '../connectors/deploy/template.ts';
import type { Pool } from '../lib/postgres.ts';
import { sqlFile } from '../lib/sql-file.ts';
import { createApplication } from '../demo/generate.ts';
import { withPool } from './databases.ts';
import type { BenchStack } from './stack.ts';

/** What the rows are like. */
export interface DatasetPlan {
  /** Also the name of its database. */
  readonly name: string;
  readonly rows: number;
  /** `small`: 0.8 kB a row; `large`: about 3 kB, as the demo's. */
  readonly shape: 'small' | 'large';
  /** The live path has recorded every owner's run: all of them lie in the window. */
  readonly live?: true;
}

/** A database of the application as it is before history-cdc comes. Copies of it are what is measured on. */
export interface Dataset extends DatasetPlan {
  readonly database: string;
  /** Of a legacy row as text: what is stored may be compressed. */
  readonly bytesARow: number;
}

const SCHEMA = sqlFile(import.meta.url, './sql/schema.sql');
const DIMENSIONS = sqlFile(import.meta.url, './sql/dimensions.sql');
export const LEGACY_ROWS = sqlFile(import.meta.url, './sql/legacy-rows.sql');
const LIVE_ROWS = sqlFile(import.meta.url, './sql/live-rows.sql');
const BYTES_A_ROW = `
  SELECT avg(octet_length(h::text))::integer AS bytes FROM (SELECT * FROM agent_test_history LIMIT 2000) AS h`;
const ROWS_A_STATEMENT = 50_000;
/** Ten minutes of the history hold a row or so; the window of two weeks holds all of its rows. */
const APART = { history: '40 s', window: '9 s' } as const;
const ENDS_AT = '2026-11-01T00:00:00Z';

export async function createDataset(
  stack: BenchStack,
  plan: DatasetPlan,
  signal: AbortSignal,
): Promise<Dataset> {
  const database = `bench_${plan.name}`;
  await stack.databases.create(database);
  const bytesARow = await withPool(stack.databases.urlOf(database), async (pool) => {
    await createApplication(pool);
    await fillTables(pool, plan, signal);
    const { rows } = await pool.query<{ bytes: number }>(BYTES_A_ROW);
    return rows[0]?.bytes ?? 0;
  });
  return { ...plan, database, bytesARow };
}

/** Fills the application's tables, and makes the schema `bench` beside them. */
export async function fillTables(
  pool: Pool,
  { shape, rows, live }: Omit<DatasetPlan, 'name'>,
  signal?: AbortSignal,
): Promise<void> {
  await pool.query(fillTemplate(SCHEMA, { large: String(shape === 'large') }));
  await pool.query(DIMENSIONS);
  for (let first = 1; first <= rows; first += ROWS_A_STATEMENT) {
    signal?.throwIfAborted();
    const last = Math.min(first + ROWS_A_STATEMENT - 1, rows);
    await pool.query(LEGACY_ROWS, [first, last, ENDS_AT, live === true ? APART.window : APART.history]);
  }
  if (live === true) await pool.query(LIVE_ROWS);
  await pool.query('ANALYZE');
}
