import { expect } from 'vitest';
import { migrate } from '../../consumers/agent-test-history/schema/migrate.ts';
import { sweep } from '../../consumers/agent-test-history/sweep/sweep.ts';
import { createPool, type Pool } from '../../lib/postgres.ts';
import { runChecks } from '../../demo/check.ts';
import { createApplication, demoSql, FEWEST_ROWS, generateHistory } from '../../demo/generate.ts';
import { runWriter, WRITER_CONNECTIONS } from '../../demo/writer.ts';
import { freshDatabase } from '../support/database.ts';
import { until } from '../support/until.ts';
import { MATCHING } from '../support/run-records.ts';
import { projectNewRows, projectTables } from './project-tables.ts';

export const PLACEHOLDER = '__left_out_3f9d__';

const plan = { rows: FEWEST_ROWS, seed: 7, organisations: 500, endsAt: new Date('2026-01-01T00:00:00Z') };
const MEANWHILE_RUNS = 20;

/** The demo's history and stream, and what the projector made of them. */
export interface ProjectedDemo {
  readonly pool: Pool;
  /** Breaks something, gives the checks that fail, and puts it right again. */
  failingAfter(breakage: string): Promise<string[]>;
  close(): Promise<void>;
}

export async function openProjectedDemo(): Promise<ProjectedDemo> {
  const database = await freshDatabase();
  const writing = createPool({ url: database.url, name: 'demo test', connections: WRITER_CONNECTIONS + 2 });
  try {
    await prepare(writing);
  } finally {
    await writing.end();
  }
  // One connection, so that a test can break something in a transaction, check, and roll back.
  const pool = createPool({ url: database.url, name: 'demo test', connections: 1 });
  return {
    pool,
    failingAfter: (breakage) => failingAfter(pool, breakage),
    close: async () => {
      await pool.end();
      await database.drop();
    },
  };
}

async function prepare(pool: Pool): Promise<void> {
  await createApplication(pool);
  await generateHistory(pool, plan);
  await migrate(pool, undefined);
  const caughtUp = new AbortController();
  const written = new AbortController();
  const writer = runWriter(pool, {
    plan,
    runs: 400,
    runsPerSecond: 1_000,
    caughtUp: caughtUp.signal,
    signal: new AbortController().signal,
    progress: () => undefined,
  }).finally(() => {
    written.abort();
  });
  let offset = await projectTables(pool, 0n);
  await until('runs written meanwhile', async () => (await countMeanwhile(pool)) >= MEANWHILE_RUNS);
  caughtUp.abort();
  while (!written.signal.aborted) offset = await projectNewRows(pool, offset);
  await writer;
  await projectTables(pool, offset);
  await sweep({
    canonical: pool,
    legacy: pool,
    optOutPolicy: 'respect',
    matching: MATCHING,
    graceSeconds: 0,
    meter: { lower: () => undefined, firstLive: () => true },
  });
  await pool.query(demoSql('judge'));
}

async function countMeanwhile(pool: Pool): Promise<number> {
  const { rowCount } = await pool.query(`SELECT FROM demo.expected WHERE origin = 'meanwhile'`);
  return rowCount ?? 0;
}

async function failingAfter(pool: Pool, breakage: string): Promise<string[]> {
  await pool.query('BEGIN');
  try {
    const { rowCount } = await pool.query(breakage);
    expect(rowCount, 'rows broken').toBeGreaterThan(0);
    const checks = await runChecks(pool, PLACEHOLDER);
    return checks.filter(({ passed }) => !passed).map(({ id }) => id);
  } finally {
    await pool.query('ROLLBACK');
  }
}
