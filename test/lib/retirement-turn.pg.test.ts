import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPool, type Pool } from '../../lib/postgres.ts';
import { withTurn } from '../../lib/retirement-turn.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let pool: Pool;
beforeAll(async () => {
  database = await freshDatabase();
  pool = createPool({ url: database.url, name: 'test holder', connections: 1 });
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

test('Postgres asks whether the host of a turn still lives, and ends its session within a minute if it does not', async () => {
  await withTurn(pool, 'alone', () => Promise.resolve());
  const { rows } = await pool.query<{ seconds: number }>(`
    SELECT current_setting('tcp_keepalives_idle')::integer
         + current_setting('tcp_keepalives_interval')::integer * current_setting('tcp_keepalives_count')::integer AS seconds`);
  expect(rows).toEqual([{ seconds: 60 }]);
});

test('a turn is free as soon as the session that held it has ended', async () => {
  const other = createPool({ url: database.superuserUrl, name: 'test other', connections: 1 });
  try {
    await withTurn(pool, 'alone', async () => {
      const error = await withTurn(other, 'alone', () => Promise.resolve()).catch((each: unknown) => each);
      const { wayOut } = error as { wayOut: string };
      const [, pid] = /pg_terminate_backend\((\d+)\)/.exec(wayOut) ?? [];
      await other.query('SELECT pg_terminate_backend($1, 60000)', [pid]);
      await withTurn(other, 'alone', () => Promise.resolve());
    });
  } finally {
    await other.end();
  }
});
