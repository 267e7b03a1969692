import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPool, type Pool } from '../../../lib/postgres.ts';
import { openMigratedDatabase, type OpenDatabase } from '../migrated-database.ts';
import { deleteOurs, exchangeLinks, FAULTS, identicalDuals, legacyOf, unlink } from './planted-faults.ts';
import { Dice } from './run.ts';
import { windowScenes } from './scenes.ts';
import { seedWindow } from './world.ts';
import { WindowWriter } from './writer.ts';

const sqlFile = (name: string) => readFileSync(new URL(name, import.meta.url), 'utf8');

let open: OpenDatabase;
/** One connection, so that a test can break something in a transaction, check, and roll back. */
let pool: Pool;

beforeAll(async () => {
  open = await openMigratedDatabase();
  pool = createPool({ url: open.database.url, name: 'window test', connections: 1 });
  await seedWindow(pool);
  const writer = new WindowWriter({
    url: open.database.url,
    seed: 1,
    pace: ({ at }) => {
      writer.phase = at < 0.2 ? 'before' : at < 0.4 ? 'applying' : 'streaming';
      return Promise.resolve();
    },
    decided: () => Promise.resolve('projected'),
  });
  await writer.write();
  await writer.end();
  await pool.query(sqlFile('check.sql'));
  await pool.query(sqlFile('faultless.sql'));
});

afterAll(async () => {
  await pool.end();
  await open.close();
});

async function violations(): Promise<string[]> {
  const { rows } = await pool.query<{ what: string }>('SELECT what FROM truth.violation ORDER BY what');
  return rows.map(({ what }) => what);
}

/** What the check says once the statements have broken something; each must meet a row. */
async function violationsAfter(...breakage: readonly string[]): Promise<string[]> {
  await pool.query('BEGIN');
  try {
    for (const statement of breakage) {
      const { rowCount } = await pool.query(statement);
      expect(rowCount, statement).toBeGreaterThan(0);
    }
    return await violations();
  } finally {
    await pool.query('ROLLBACK');
  }
}

test('a projection without faults passes', async () => {
  expect(await violations()).toEqual([]);
});

test('it does not matter which of two identical runs a live row is linked to', async () => {
  expect(await violationsAfter(...exchangeLinks('identical', identicalDuals))).toEqual([]);
});

test.each(FAULTS)('$fault', async ({ breakage, found }) => {
  expect(await violationsAfter(...breakage)).toEqual(found);
});

test('a check that looked at too little has not passed', async () => {
  expect(await violationsAfter('DELETE FROM truth.open_live')).toEqual(['too few looked at']);
  expect(await violationsAfter("UPDATE truth.run SET kind = 'other' WHERE kind = 'live aborts'")).toEqual([
    'too few looked at',
  ]);
  expect(await violationsAfter('UPDATE history_cdc.ledger SET snapshot = true')).toEqual([
    'too few looked at',
  ]);
});

test('runs that nobody can see are excepted where a context went, and nowhere else', async () => {
  const gone = legacyOf('context deleted', { where: 'live_id IS NULL' });
  expect(await violationsAfter(deleteOurs(gone), unlink(gone, 'orphaned'))).toEqual([]);
  expect(await violationsAfter(deleteOurs(gone))).toContain('lost');
  const live = legacyOf('context deleted', { where: 'live_id IS NOT NULL' });
  expect(await violationsAfter(unlink(live, 'orphaned'))).toEqual([]);
});

test('the same seed writes the same, another one something else', () => {
  const planned = (seed: number) => JSON.stringify(windowScenes(new Dice(seed)));
  expect(planned(1)).toBe(planned(1));
  expect(planned(1)).not.toBe(planned(2));
});
