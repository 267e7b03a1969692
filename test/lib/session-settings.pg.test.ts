import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createPool, inTransaction } from '../../lib/postgres.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

/** What our SQL and the parsing of its answers rest on, as a session must have it. */
const OURS = {
  search_path: 'public, pg_temp',
  TimeZone: 'UTC',
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  client_encoding: 'UTF8',
  bytea_output: 'hex',
  extra_float_digits: '1',
  array_nulls: 'on',
  transform_null_equals: 'off',
  quote_all_identifiers: 'off',
  gin_fuzzy_search_limit: '0',
  default_transaction_isolation: 'read committed',
  row_security: 'off',
  statement_timeout: '9s',
  lock_timeout: '2s',
  application_name: 'test session',
};
const THEIRS = {
  search_path: 'elsewhere, public',
  TimeZone: 'America/New_York',
  DateStyle: 'SQL, DMY',
  IntervalStyle: 'iso_8601',
  bytea_output: 'escape',
  extra_float_digits: '-15',
  array_nulls: 'off',
  transform_null_equals: 'on',
  quote_all_identifiers: 'on',
  gin_fuzzy_search_limit: '1',
  default_transaction_isolation: 'serializable',
  row_security: 'on',
  statement_timeout: '60s',
  lock_timeout: '1ms',
  application_name: 'nobody',
};

const BOUNDS = { statementMs: 9_000, lockMs: 2_000 };

let database: TestDatabase;
let superuser: pg.Client;

beforeAll(async () => {
  database = await freshDatabase();
  superuser = new pg.Client({ connectionString: database.superuserUrl });
  await superuser.connect();
});

afterAll(async () => {
  await superuser.end();
  await database.drop();
});

async function settingsAt(url: string): Promise<Record<string, string>> {
  const pool = createPool({ url, name: 'test session', connections: 1, bounds: BOUNDS });
  try {
    const { rows } = await pool.query<{ settings: Record<string, string> }>(
      'SELECT json_object_agg(name, current_setting(name)) AS settings FROM unnest($1::text[]) AS s (name)',
      [Object.keys(OURS)],
    );
    return rows[0]?.settings ?? {};
  } finally {
    await pool.end();
  }
}

function withParameters(parameters: Record<string, string>): string {
  const url = new URL(database.url);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

const asOptions = (settings: Record<string, string>) =>
  Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value.replaceAll(' ', '\\ ')}`)
    .join(' ');

describe('the settings of a session are ours', () => {
  test('whatever the URL says in options', async () => {
    expect(await settingsAt(withParameters({ options: asOptions(THEIRS) }))).toEqual(OURS);
  });

  test('whatever the URL says in parameters of its own', async () => {
    const url = withParameters({
      application_name: 'nobody',
      fallback_application_name: 'nobody',
      statement_timeout: '60000',
      lock_timeout: '1',
      query_timeout: '1',
      client_encoding: 'latin1',
      idle_in_transaction_session_timeout: '1',
    });
    expect(await settingsAt(url)).toEqual(OURS);
  });

  test('whatever PGOPTIONS and PGAPPNAME say', async () => {
    vi.stubEnv('PGOPTIONS', asOptions(THEIRS));
    vi.stubEnv('PGAPPNAME', 'nobody');
    expect(await settingsAt(database.url)).toEqual(OURS);
    vi.unstubAllEnvs();
  });

  test('whatever the database and the role say', async () => {
    for (const [name, value] of Object.entries(THEIRS)) {
      const text = name === 'search_path' ? value : pg.escapeLiteral(value);
      await superuser.query(`ALTER DATABASE "${database.name}" SET ${name} = ${text}`);
      await superuser.query(`ALTER ROLE app IN DATABASE "${database.name}" SET ${name} = ${text}`);
    }
    expect(await settingsAt(database.url)).toEqual(OURS);
    await superuser.query(`ALTER DATABASE "${database.name}" RESET ALL`);
    await superuser.query(`ALTER ROLE app IN DATABASE "${database.name}" RESET ALL`);
  });

  test('and what we may not set is refused by name', async () => {
    await superuser.query(`ALTER DATABASE "${database.name}" SET session_replication_role = 'replica'`);
    const pool = createPool({ url: database.url, name: 'test', connections: 1 });
    await expect(pool.query('SELECT 1')).rejects.toMatchObject({
      code: 'SESSION_UNFIT',
      message: expect.stringContaining('session_replication_role') as unknown,
    });
    await superuser.query(`ALTER DATABASE "${database.name}" RESET ALL`);
    await pool.end();
  });
});

test('a transaction has the bounds of a transaction, and none that the role sets for it', async () => {
  await superuser.query(`ALTER DATABASE "${database.name}" SET idle_session_timeout = '5s'`);
  const pool = createPool({ url: database.url, name: 'test', connections: 1 });
  const found = await inTransaction(pool, async (client) => {
    const { rows } = await client.query<{ statement: string; isolation: string; idle: string }>(
      "SELECT current_setting('idle_session_timeout') AS idle, current_setting('statement_timeout') AS statement, current_setting('transaction_isolation') AS isolation",
    );
    return rows[0];
  });
  expect(found).toEqual({ statement: '30s', isolation: 'read committed', idle: '0' });
  await superuser.query(`ALTER DATABASE "${database.name}" RESET ALL`);
  await pool.end();
});
