import { afterAll, beforeAll, expect, test } from 'vitest';
import { registerTopic } from '../../consumers/agent-test-history/batch/current-topic.ts';
import { namedError } from '../../lib/named-error.ts';
import { isEnvironmentError } from '../../lib/postgres-errors.ts';
import { createPool, inTransaction, type Pool } from '../../lib/postgres.ts';
import { openMigratedDatabase, type OpenDatabase } from '../support/migrated-database.ts';
import { runInProcess } from '../support/run-in-process.ts';

const SECRET = 'hunter2';

let open: OpenDatabase;
let superuser: Pool;

beforeAll(async () => {
  open = await openMigratedDatabase();
  superuser = createPool({ url: open.database.superuserUrl, name: 'test', connections: 1 });
  await superuser.query('CREATE TABLE public.words (word text PRIMARY KEY CHECK (length(word) < 9))');
  await superuser.query('INSERT INTO public.words VALUES ($1)', [SECRET]);
  await superuser.query('GRANT INSERT ON public.words TO app');
});

afterAll(async () => {
  await superuser.end();
  await open.close();
});

async function errorOf(sql: string, values?: unknown[]): Promise<unknown> {
  const bounds = { statementMs: 500, lockMs: 200 };
  const pool = createPool({ url: open.database.url, name: 'test', connections: 1, bounds });
  try {
    return await pool.query(sql, values).then(
      () => undefined,
      (error: unknown) => error,
    );
  } finally {
    await pool.end();
  }
}

test.each([
  ['SELECT * FROM public.words', 'DATABASE_UNFIT', 'words'],
  ['SELECT * FROM public.nothing', 'DATABASE_UNFIT', 'nothing'],
  ['SELECT * FROM nowhere.nothing', 'DATABASE_UNFIT', 'nowhere'],
  ['SELECT pg_sleep(5)', 'DATABASE_BUSY', '57014'],
  ['SELECT pg_terminate_backend(pg_backend_pid())', 'DATABASE_LOST', '57P01'],
  [`SELECT '${SECRET}'::int`, 'DATABASE_ERROR', '22P02'],
  [`INSERT INTO public.words VALUES ('${SECRET}')`, 'DATABASE_ERROR', 'words_pkey'],
  [`INSERT INTO public.words VALUES ('${SECRET} and more')`, 'DATABASE_ERROR', 'words_word_check'],
  [`DO $$ BEGIN RAISE EXCEPTION '${SECRET}'; END $$`, 'DATABASE_ERROR', 'P0001'],
])('%s is %s', async (sql, code, names) => {
  const named = namedError(await errorOf(sql));
  expect(named).toMatchObject({ code, message: expect.stringContaining(names) as unknown });
  expect(`${named?.message ?? ''} ${named?.wayOut ?? ''}`).not.toContain(SECRET);
});

test('a table that somebody holds', async () => {
  await inTransaction(superuser, async (client) => {
    await client.query('LOCK TABLE public.words');
    expect(namedError(await errorOf(`INSERT INTO public.words VALUES ('x')`))).toMatchObject({
      code: 'DATABASE_BUSY',
    });
  });
});

test('a server that is not there, and a login that it refuses', async () => {
  for (const [change, code] of [
    [(url: URL) => (url.port = '1'), 'DATABASE_LOST'],
    [(url: URL) => (url.password = 'wrong'), 'DATABASE_UNREACHABLE'],
    [(url: URL) => (url.pathname = '/nothing'), 'DATABASE_UNREACHABLE'],
  ] as const) {
    const url = new URL(open.database.url);
    change(url);
    const pool = createPool({ url: url.href, name: 'test', connections: 1 });
    const error = await pool.query('SELECT 1').catch((thrown: unknown) => thrown);
    await pool.end();
    // The servers of the tests trust every login.
    if (error instanceof Error) expect(namedError(error)).toMatchObject({ code });
  }
});

test('an error that is no one of Postgres stays as it is', () => {
  expect(namedError(new TypeError('a fault of ours'))).toBeUndefined();
});

test.each([[['census']], [['migrate', '--grant-to', 'app']], [['undo', '--apply', '--confirm', '0']]])(
  'a database that is read only: %j ends with its code',
  async (args) => {
    await superuser.query(`ALTER DATABASE "${open.database.name}" SET default_transaction_read_only = on`);
    const { url } = open.database;
    const answer = await runInProcess(args, { DATABASE_URL: url, LEGACY_DATABASE_URL: url });
    await superuser.query(`ALTER DATABASE "${open.database.name}" RESET ALL`);
    expect(answer).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/error DATABASE_READ_ONLY/) as unknown,
    });
    expect(answer.stderr).not.toContain('GRANT');
  },
);

test('a projector that runs takes it for the environment, and one that starts has a code', async () => {
  await superuser.query(`ALTER DATABASE "${open.database.name}" SET default_transaction_read_only = on`);
  const pool = createPool({ url: open.database.url, name: 'test', connections: 1 });
  const topic = { topicId: '0b6b6f2e-1d5c-4b7e-8a3f-9c2d4e6f8a11', name: 'topic', partitions: 1 };
  const error = await registerTopic(pool, topic, false).catch((thrown: unknown) => thrown);
  await superuser.query(`ALTER DATABASE "${open.database.name}" RESET ALL`);
  await pool.end();
  expect([isEnvironmentError(error), namedError(error)?.code]).toEqual([true, 'DATABASE_READ_ONLY']);
});

test('a sweep that meets a table of ours that is gone names it', async () => {
  await superuser.query('ALTER TABLE history_cdc.agent_spelling RENAME TO away');
  const { url } = open.database;
  const answer = await runInProcess(['sweep'], {
    DATABASE_URL: url,
    LEGACY_DATABASE_URL: url,
  });
  await superuser.query('ALTER TABLE history_cdc.away RENAME TO agent_spelling');
  expect(answer).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/error DATABASE_UNFIT.*agent_spelling/) as unknown,
  });
});
