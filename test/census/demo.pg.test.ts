import { afterAll, beforeAll, expect, test } from 'vitest';
import { compareCensus, type Comparison } from '../../operations/census/compare.ts';
import { migrate } from '../../consumers/agent-test-history/schema/migrate.ts';
import { sweep } from '../../consumers/agent-test-history/sweep/sweep.ts';
import { LiveWindowMeter } from '../../consumers/agent-test-history/twins/live-window.ts';
import { createPool, type Pool } from '../../lib/postgres.ts';
import { createApplication, FEWEST_ROWS, generateHistory } from '../../demo/generate.ts';
import { projectTables } from '../demo/project-tables.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { MATCHING } from '../support/run-records.ts';
import { census, said } from './census.ts';

const plan = { rows: FEWEST_ROWS, seed: 11, organisations: 500, endsAt: new Date('2026-01-01T00:00:00Z') };

let database: TestDatabase;
let pool: Pool;

beforeAll(async () => {
  database = await freshDatabase();
  pool = createPool({ url: database.url, name: 'census test', connections: 3 });
  await createApplication(pool);
  await generateHistory(pool, plan);
});

afterAll(async () => {
  await pool.end();
  await database.drop();
});

async function decided(): Promise<Record<string, string>> {
  const { rows } = await pool.query<{ legacy_id: string; said: string }>(`
    SELECT l.legacy_id,
           l.decision || ': ' || l.reason || CASE l.decision WHEN 'twin' THEN ' ' || l.canonical_run_id ELSE '' END AS said
    FROM history_cdc.ledger l JOIN agent_test_history h ON h.id = l.legacy_id`);
  return Object.fromEntries(rows.map(({ legacy_id, said: text }) => [legacy_id, text]));
}

test('on the demo’s data the census, taken before anything of ours is there, says of every row what the run decides', async () => {
  const before = await census(database.url, { chunkRows: 500 });
  const { rows: schemas } = await pool.query(`SELECT FROM pg_namespace WHERE nspname = 'history_cdc'`);
  expect(schemas, 'the census needs no schema, and leaves none').toEqual([]);
  await migrate(pool, undefined);
  await projectTables(pool, 0n);
  await sweep({
    canonical: pool,
    legacy: pool,
    optOutPolicy: 'respect',
    matching: MATCHING,
    graceSeconds: 0,
    meter: new LiveWindowMeter(pool, MATCHING),
  });
  const decisions = await decided();
  expect(Object.keys(decisions).length).toBeGreaterThan(FEWEST_ROWS);
  expect(said(before.predictions)).toEqual(decisions);
  const kinds = ['projected', 'twin', 'adopted', 'third_party', 'anonymous', 'opted_out'] as const;
  for (const kind of kinds) expect(before.figures.decisions[kind], kind).toBeGreaterThan(0);
  const after = await census(database.url, { chunkRows: 700 });
  expect(said(after.predictions), 'what the ledger says by now does not reach it').toEqual(decisions);
  expect(after.figures).toEqual(before.figures);
  const comparison = await compared();
  expect(comparison.unexplained).toBe(0);
  expect(Object.keys(comparison.differences).filter((name) => name !== 'deleted_since')).toEqual([]);
  expect(comparison.decisions.projected.ledger).toBeGreaterThan(0);
});

async function compared(): Promise<Comparison> {
  const { comparison } = await compareCensus({
    canonical: pool,
    legacy: pool,
    optOutPolicy: 'respect',
    windowUs: MATCHING.windowUs,
    retentionDays: undefined,
    messageBytes: 16_777_216,
  });
  return comparison;
}
