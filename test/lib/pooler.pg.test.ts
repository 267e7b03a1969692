import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { registerTopic } from '../../consumers/agent-test-history/batch/current-topic.ts';
import { takeOver } from '../../consumers/agent-test-history/batch/offsets.ts';
import { createPool, inTransaction, type Pool } from '../../lib/postgres.ts';
import { openMigratedDatabase, type OpenDatabase } from '../support/migrated-database.ts';
import { startPgBouncer, type PgBouncer } from '../support/pgbouncer.ts';
import { aRow, inserted } from '../support/records.ts';
import { runInProcess } from '../support/run-in-process.ts';
import { asRecords, MATCHING, runRecords, TOPIC_ID } from '../support/run-records.ts';
import { Tables } from '../support/tables.ts';

const AT_ONCE = 8;

describe.each(['session', 'transaction'] as const)('through PgBouncer in %s mode', (mode) => {
  let open: OpenDatabase;
  let pooler: PgBouncer;
  let pool: Pool;

  beforeAll(async () => {
    open = await openMigratedDatabase();
    const superuser = new pg.Client({ connectionString: open.database.superuserUrl });
    await superuser.connect();
    // A server whose zone is not UTC: what our sessions must not inherit.
    for (const setting of [
      "TimeZone = 'America/New_York'",
      "DateStyle = 'SQL, DMY'",
      'search_path = elsewhere',
    ])
      await superuser.query(`ALTER DATABASE "${open.database.name}" SET ${setting}`);
    await superuser.end();
    pooler = await startPgBouncer(mode, [open.database.url]);
  });

  beforeEach(() => {
    pool = createPool({ url: pooler.urlOf(open.database.url), name: 'test', connections: AT_ONCE });
    return () => pool.end();
  });

  afterAll(async () => {
    await pooler.stop();
    await open.close();
  });

  const SETTINGS = `
    SELECT current_setting('TimeZone') AS zone, current_setting('search_path') AS path, current_setting('row_security') AS rows,
           ('2026-01-01 12:00:00+00'::timestamptz)::text AS time, pg_sleep(0.02) IS NULL AS slept`;
  const OURS = {
    zone: 'UTC',
    path: 'public, pg_temp',
    rows: 'off',
    time: '2026-01-01 12:00:00+00',
    slept: false,
  };

  test('every statement and every transaction has our settings, in whatever session it runs', async () => {
    const work = Array.from({ length: 6 * AT_ONCE }, (_, n) =>
      n % 2 === 0
        ? pool.query(SETTINGS)
        : inTransaction(pool, (client) => client.query(SETTINGS), { prepared: true }),
    );
    for (const { rows } of await Promise.all(work)) expect(rows).toEqual([OURS]);
  });

  test('and a statement that fails leaves the connection of use', async () => {
    for (let n = 0; n < 2 * AT_ONCE; n += 1)
      await expect(pool.query('SELECT 1 / $1::int', [0])).rejects.toMatchObject({ code: '22012' });
    expect((await pool.query(SETTINGS)).rows).toEqual([OURS]);
  });

  test('nothing of ours stays for another client', async () => {
    await Promise.all(Array.from({ length: AT_ONCE }, () => pool.query(SETTINGS)));
    await pool.end();
    pool = createPool({ url: pooler.urlOf(open.database.url), name: 'test', connections: AT_ONCE });
    const other = new pg.Client({ connectionString: pooler.urlOf(open.database.url) });
    await other.connect();
    const { rows } = await other.query('SHOW search_path');
    await other.end();
    expect(rows).toEqual([{ search_path: 'elsewhere' }]);
  });

  test('a projector finds the twin, and projects what has none', async () => {
    const tables = new Tables(open.pool);
    const owner = await tables.owner();
    const start = '2026-03-01T12:00:00.000000Z';
    const [twin, alone] = ['both', 'alone'].map((summary) =>
      aRow({ agent_context_id: owner.context, user_id: owner.user, summary, started_at: start }),
    );
    if (twin === undefined || alone === undefined) throw new Error('two rows were made');
    await tables.live({
      agent_url: owner.url,
      headline: 'both',
      tested_at: start,
      total_duration_ms: twin.total_duration_ms,
    });
    for (const row of [twin, alone]) await tables.legacyRow(row);
    await registerTopic(pool, { topicId: TOPIC_ID, name: 'topic', partitions: 1 }, false);
    const { claim } = await takeOver(pool, { topicId: TOPIC_ID, partition: 0, offset: 0n }, 'test');
    const result = await runRecords({
      context: { canonical: pool, legacy: pool, optOutPolicy: 'respect', matching: MATCHING },
      mode: { kind: 'commit', claim },
      rows: 10,
      records: asRecords([inserted(twin), inserted(alone)], 0n),
    });
    expect(result.decisions).toEqual({ twin: 1, projected: 1 });
  });

  test.each([
    [['reconcile', '--source-is-quiet'], 0],
    [['redecide'], 0],
    [['sweep'], 0],
    [['undo'], 0],
  ])('%j works', async (args, code) => {
    const url = pooler.urlOf(open.database.url);
    expect(await runInProcess(args, { DATABASE_URL: url, LEGACY_DATABASE_URL: url })).toMatchObject({ code });
  });

  test('census refuses, because it needs a session of its own', async () => {
    const url = pooler.urlOf(open.database.url);
    expect(await runInProcess(['census'], { DATABASE_URL: url, LEGACY_DATABASE_URL: url })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('error SESSION_UNFIT') as unknown,
    });
  });
});
