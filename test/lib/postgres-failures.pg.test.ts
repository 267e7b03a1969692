import { describe, expect, inject, test } from 'vitest';
import { createPool, inTransaction, type Pool } from '../../lib/postgres.ts';
import { ConnectionLost } from '../../lib/postgres-session.ts';
import { blameOf, refusalOf } from '../../lib/postgres-errors.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import '../support/provided.ts';

async function withPool<T>(url: string, work: (pool: Pool) => Promise<T>): Promise<T> {
  const pool = createPool({ url, name: 'test failures', connections: 1 });
  try {
    return await work(pool);
  } finally {
    await pool.end();
  }
}

async function errorOf(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('what fails between us and Postgres has a class of its own:', () => {
  test('a port on which nobody listens', async () => {
    const url = new URL(inject('servers').databaseUrl);
    url.port = '1';
    for (const ask of [(pool: Pool) => pool.query('SELECT 1'), (pool: Pool) => pool.connect()]) {
      const error = await withPool(url.href, (pool) => errorOf(ask(pool)));
      expect(error).toBeInstanceOf(ConnectionLost);
      expect(blameOf(error)).toBe('environment');
    }
  });

  test.each(['before', 'answer'] as const)('a connection that is cut, %s', async (when) => {
    const proxy = await startCuttingProxy(inject('servers').databaseUrl);
    try {
      await withPool(proxy.url, async (pool) => {
        await pool.query('SELECT 1');
        proxy.cutOnce(when, 'a marker');
        const asked = inTransaction(pool, (client) => client.query("SELECT 'a marker'"));
        expect(await errorOf(asked)).toBeInstanceOf(ConnectionLost);
      });
      expect(proxy.cuts).toBe(1);
    } finally {
      await proxy.close();
    }
  });

  test('and a pool whose connections are all taken', async () => {
    const url = new URL(inject('servers').databaseUrl);
    await withPool(url.href, async (pool) => {
      const client = await pool.connect();
      pool.options.connectionTimeoutMillis = 50;
      expect(await errorOf(pool.query('SELECT 1'))).toBeInstanceOf(ConnectionLost);
      client.release();
    });
  });
});

test('a fault of the program that happens on the way to Postgres is none of them', async () => {
  const value = {
    toPostgres: () => {
      throw new TypeError('a fault');
    },
  };
  const error = await withPool(inject('servers').databaseUrl, (pool) =>
    errorOf(pool.query('SELECT $1', [value])),
  );
  expect(error).toBeInstanceOf(TypeError);
  expect(blameOf(error)).toBe('program');
});

describe('whose fault an error of Postgres is, with what it was doing:', () => {
  const raising = (body: string, quoted = 'audit') => `
    CREATE FUNCTION pg_temp.${quoted}() RETURNS integer LANGUAGE plpgsql AS $$ BEGIN ${body} RETURN 1; END $$;
    SELECT pg_temp.${quoted}()`;
  test.each<[string, string, string]>([
    [
      'a table that a function of the application cannot find',
      raising('INSERT INTO nowhere DEFAULT VALUES;'),
      'row',
    ],
    ['one with a name in quotes', raising('INSERT INTO nowhere DEFAULT VALUES;', '"Audit (all)"'), 'row'],
    [
      'an object that is not ready, which it raises',
      raising("RAISE EXCEPTION 'x' USING ERRCODE = '55000';"),
      'row',
    ],
    ...['08006', '25006', '40001', '40P01', '53100', '55P03', '57014', '57P01', '58030'].map(
      (code): [string, string, string] => [
        `${code}, which it raises itself`,
        raising(`RAISE EXCEPTION 'x' USING ERRCODE = '${code}';`),
        'row',
      ],
    ),
    [
      'a statement that is cancelled while it runs',
      `${raising('RETURN 1;')}; CREATE OR REPLACE FUNCTION pg_temp.audit() RETURNS integer LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(5); RETURN 1; END $$; SET statement_timeout = '20ms'; SELECT pg_temp.audit()`,
      'slow',
    ],
    [
      'the same, which it raises again',
      `${raising('RETURN 1;')}; CREATE OR REPLACE FUNCTION pg_temp.audit() RETURNS integer LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(5); RETURN 1; EXCEPTION WHEN query_canceled THEN RAISE; END $$; SET statement_timeout = '20ms'; SELECT pg_temp.audit()`,
      'slow',
    ],
    ['a table that a statement of ours cannot find', 'INSERT INTO nowhere DEFAULT VALUES', 'program'],
    ['a statement that was cancelled', "SET statement_timeout = '20ms'; SELECT pg_sleep(5)", 'slow'],
    ['a lock that somebody else holds', 'DO $$ BEGIN RAISE lock_not_available; END $$', 'environment'],
  ])('%s', async (_, statement, blame) => {
    const error = await withPool(inject('servers').databaseUrl, (pool) => errorOf(pool.query(statement)));
    expect({ blame: blameOf(error), error }).toMatchObject({ blame });
  });

  test('what is told of it has the name of the function, and none of the values that the function may put anywhere', async () => {
    const raise = raising(
      "RAISE EXCEPTION 'secret' USING ERRCODE = '23514', CONSTRAINT = 'secret', TABLE = 'secret', DETAIL = 'secret';",
    );
    const error = await withPool(inject('servers').databaseUrl, (pool) => errorOf(pool.query(raise)));
    expect(refusalOf(error)).toMatch(/^SQLSTATE 23514, raised in pg_temp_?\d*\.audit\(\)$/);
  });
});
