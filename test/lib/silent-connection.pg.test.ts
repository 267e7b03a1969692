import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createPool, inTransaction, type Pool } from '../../lib/postgres.ts';
import { isEnvironmentError } from '../../lib/postgres-errors.ts';
import { ConnectionLost } from '../../lib/postgres-session.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { startSilentProxy, type SilentProxy } from '../support/silent-proxy.ts';

/** Postgres gives a statement up after this time; we give the connection up a little later. */
const STATEMENT_MS = 300;
const ANSWER_AFTER_MS = 500;

let database: TestDatabase;
let proxy: SilentProxy;
let pool: Pool;

beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

beforeEach(async () => {
  proxy = await startSilentProxy(database.url);
  const bounds = { statementMs: STATEMENT_MS, lockMs: 0, answerAfterMs: ANSWER_AFTER_MS };
  pool = createPool({ url: proxy.url, name: 'test', connections: 2, bounds });
});
afterEach(async () => {
  await pool.end();
  await proxy.close();
});

test('a statement on a connection that fell silent ends, and the next one takes another connection', async () => {
  await pool.query('SELECT 1');
  proxy.fallSilent({ onlyOpen: true });
  const failed = await pool.query('SELECT 1').catch((error: unknown) => error);
  expect(failed).toBeInstanceOf(ConnectionLost);
  expect(isEnvironmentError(failed)).toBe(true);
  expect((await pool.query<{ one: number }>('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  expect(proxy.connections).toBe(2);
});

test('so does a transaction, with what it had sent at once', async () => {
  const work = inTransaction(pool, async (client) => {
    await client.query('SELECT 1');
    proxy.fallSilent({ onlyOpen: true });
    await Promise.all([client.query('SELECT 2'), client.query('SELECT 3')]);
  });
  await expect(work).rejects.toBeInstanceOf(ConnectionLost);
  expect(await inTransaction(pool, async (client) => (await client.query('SELECT 1')).rowCount)).toBe(1);
});

test('statements that take long one after the other are not taken for silence', async () => {
  await inTransaction(pool, async (client) => {
    const slow = Array.from({ length: 6 }, () => client.query('SELECT pg_sleep(0.2)'));
    await Promise.all(slow);
  });
  expect(proxy.connections).toBe(1);
});

test('a transaction that gives its statements more time waits for them', async () => {
  await inTransaction(pool, async (client) => {
    await client.query("SET LOCAL statement_timeout = '15min'");
    await client.query('SELECT pg_sleep(1.5)');
  });
  await expect(pool.query('SELECT pg_sleep(1.5)')).rejects.toMatchObject({ code: '57014' });
});

test('a server that lets nobody in any more is no reason to wait for ever, nor is a goodbye', async () => {
  await pool.query('SELECT 1');
  proxy.fallSilent();
  await expect(pool.query('SELECT 1')).rejects.toBeInstanceOf(ConnectionLost);
  await expect(pool.query('SELECT 1')).rejects.toBeInstanceOf(ConnectionLost);
  const before = performance.now();
  await pool.end();
  expect(performance.now() - before).toBeLessThan(30_000);
  pool = createPool({ url: database.url, name: 'test', connections: 1 });
});
