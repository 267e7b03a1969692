import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { CHECKS } from '../../operations/checks/all.ts';
import type { CheckResult } from '../../operations/checks/judge.ts';
import { diagnose } from '../../operations/doctor/doctor.ts';
import { readServer, readSessions } from '../../operations/facts/postgres.ts';
import { loadConfig } from '../../lib/config.ts';
import { createPool } from '../../lib/postgres.ts';
import { assertSeesWhole } from '../../lib/sees-whole.ts';
import { resultOf, resultsOf } from './ask.ts';
import { carryOut } from './carry-out.ts';
import { sqlOf } from './fix-steps.ts';
import { gathered, healthyFacts } from './healthy.ts';
import { OwnServer } from './own-server.ts';
import { OF_THE_SERVER } from './real/server-settings.ts';

/*
 * A Postgres of its own, set up as none should be: what only a start, or a reload, of the server can change; and mended
 * by what doctor says. One story, in its order.
 */
let server: OwnServer;

beforeAll(async () => {
  server = await OwnServer.start(OF_THE_SERVER.map(({ setting }) => setting));
  await server.query(
    ...OF_THE_SERVER.map(({ setting, unfit }) => `ALTER SYSTEM SET ${setting} = ${unfit}`),
    'ALTER SYSTEM SET max_prepared_transactions = 5',
  );
  await server.restart();
});

afterAll(async () => {
  await server.remove();
});

const settings = () => ({ DATABASE_URL: server.superuserUrl });
const results = (...ids: readonly string[]) => resultsOf(ids, settings());
const one = (id: string) => resultOf(id, settings());

/** Only what is SQL of a fix: nobody reads a slot here. */
async function pasteSql(fix: string | null): Promise<void> {
  await server.query(...sqlOf(fix));
}

test('every setting that does not fit is red, and right after its own fix and a restart', async () => {
  await server.query("SELECT pg_create_physical_replication_slot('somebody_else')");
  const ids = OF_THE_SERVER.map(({ id }) => id);
  const red = await results(...ids);
  expect(red.map(({ id, verdict, evidence }) => [id, verdict, evidence.split(':')[0]])).toEqual(
    OF_THE_SERVER.map(({ id, says }) => [id, 'failed', says]),
  );
  expect(await one('wal-runway')).toMatchObject({
    verdict: 'unknown',
    evidence: expect.stringContaining('there is no cap') as string,
  });
  for (const { fix } of red) await carryOut(fix, { settings: settings(), superuserUrl: server.superuserUrl });
  // The bound needs none.
  expect(await one('wal-cap')).toMatchObject({ verdict: 'ok' });
  await server.restart();
  const green = await results(...ids, 'wal-runway');
  expect(green.filter(({ verdict }) => verdict !== 'ok')).toEqual([]);
});

test('what stands on the command line of a server is known: ALTER SYSTEM would not change it', async () => {
  const here = createPool({ url: inject('servers').superuserUrl, name: 'test', connections: 1 });
  expect((await readServer(here, 'none')).onCommandLine).toEqual(
    OF_THE_SERVER.map(({ setting }) => setting).sort(),
  );
  await here.end();
});

test('a prepared transaction that was left behind: its own fix ends it', async () => {
  await server.query('BEGIN', 'CREATE TABLE left_behind (id int)', "PREPARE TRANSACTION 'it''s left'");
  // Young: the application may be about to commit it.
  expect(await one('prepared-transactions')).toMatchObject({ verdict: 'ok', evidence: '1 prepared' });
  const red = await tenMinutesLater();
  expect(red).toMatchObject({ verdict: 'warning' });
  await pasteSql(red.fix);
  expect(await tenMinutesLater()).toMatchObject({ verdict: 'ok', evidence: '0 prepared' });
});

/** Nothing makes a transaction old but time: what the server tells, judged as if ten minutes had passed. */
async function tenMinutesLater(): Promise<CheckResult> {
  const pool = createPool({ url: server.superuserUrl, name: 'test', connections: 1 });
  try {
    const now = await readSessions(pool, 'nobody');
    const prepared = now.prepared.map((each) => ({ ...each, seconds: each.seconds + 600 }));
    const facts = gathered({ ...healthyFacts(), sessions: { ...now, prepared } });
    const checks = CHECKS.filter(({ id }) => id === 'prepared-transactions');
    const [result] = diagnose(facts, loadConfig(settings(), undefined), checks).checks;
    if (result === undefined) throw new Error('there is no such check');
    return result;
  } finally {
    await pool.end();
  }
}

describe('a slot that nobody reads', () => {
  const slot = "pg_create_logical_replication_slot('history_cdc', 'pgoutput', failover => true)";
  /** Leaves it behind by more than the bound; a checkpoint may then remove what it needs. */
  const leaveBehind = async () => {
    const segment = ["SELECT pg_logical_emit_message(false, 'test', 'x')", 'SELECT pg_switch_wal()'];
    await server.query(
      "ALTER SYSTEM SET max_slot_wal_keep_size = '16MB'",
      'SELECT pg_reload_conf()',
      ...Array.from({ length: 4 }, () => segment).flat(),
    );
  };

  test('is about to be given up: a higher bound keeps it', async () => {
    await server.query(`SELECT ${slot}`);
    expect(await one('slot-wal-status')).toMatchObject({ verdict: 'ok' });
    await leaveBehind();
    const red = await one('slot-wal-status');
    expect(red).toMatchObject({
      verdict: 'failed',
      evidence: expect.stringMatching(/^unreserved/) as string,
    });
    await pasteSql(red.fix);
    await server.query('CHECKPOINT');
    expect(await one('slot-wal-status')).toMatchObject({ verdict: 'ok', evidence: 'reserved' });
  });

  test('is held by a standby that is away: its own fix lets it go on', async () => {
    await server.query(
      "SELECT pg_create_physical_replication_slot('sb1', true)",
      "ALTER SYSTEM SET synchronized_standby_slots = 'sb1'",
      'SELECT pg_reload_conf()',
    );
    const red = await one('slot-not-held');
    expect(red).toMatchObject({ verdict: 'failed', evidence: expect.stringContaining('sb1') as string });
    await pasteSql(red.fix);
    expect(await one('slot-not-held')).toMatchObject({ verdict: 'ok', evidence: 'it waits for none' });
  });

  test('would be given up after minutes: doctor, runway and status say so, and its own fix takes the limit away', async () => {
    await server.query("ALTER SYSTEM SET idle_replication_slot_timeout = '10min'", 'SELECT pg_reload_conf()');
    const [limit, runway] = await results('slot-idle-timeout', 'wal-runway');
    expect(limit).toMatchObject({
      verdict: 'failed',
      evidence: expect.stringContaining('= 10 min') as string,
    });
    expect(runway).toMatchObject({
      verdict: 'failed',
      evidence: expect.stringMatching(/given up in (\d+ s|\d min|10 min)$/) as string,
    });
    await pasteSql(limit?.fix ?? null);
    expect(await one('slot-idle-timeout')).toMatchObject({ verdict: 'ok' });
  });

  test('was given up: it is dropped, and a new snapshot makes another', async () => {
    await leaveBehind();
    await server.query('CHECKPOINT');
    const red = await one('slot-wal-status');
    expect(red).toMatchObject({ verdict: 'failed', evidence: expect.stringMatching(/^lost/) as string });
    await pasteSql(red.fix);
    expect(await one('slot-wal-status')).toMatchObject({ verdict: 'not_yet', step: 'apply' });
    await server.query(`SELECT ${slot}`);
    expect(await one('slot-wal-status')).toMatchObject({ verdict: 'ok' });
  });
});

test('a standby, in place of each of the two databases, until the settings name the primary', async () => {
  await server.becomeStandby();
  const onStandby = createPool({ url: server.superuserUrl, name: 'test', connections: 1 });
  await expect(
    assertSeesWhole(onStandby, ['public.agent_test_history'], 'DATABASE_URL'),
  ).rejects.toMatchObject({
    code: 'ROWS_HIDDEN',
  });
  await onStandby.end();
  const both = ['legacy-primary', 'canonical-server'];
  const red = await results(...both);
  expect(red.map(({ id, verdict, evidence }) => [id, verdict, /standby/.exec(evidence)?.[0]])).toEqual(
    both.map((id) => [id, 'failed', 'standby']),
  );
  const primary = { DATABASE_URL: inject('servers').superuserUrl };
  expect((await resultsOf(both, primary)).map(({ verdict }) => verdict)).toEqual(['ok', 'ok']);
});
