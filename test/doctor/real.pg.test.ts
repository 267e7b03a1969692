import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHECKS } from '../../operations/checks/all.ts';
import type { CheckResult } from '../../operations/checks/judge.ts';
import { diagnose } from '../../operations/doctor/doctor.ts';
import { readSessions, type SessionFacts } from '../../operations/facts/postgres.ts';
import { readMigrations } from '../../consumers/agent-test-history/schema/migrate.ts';
import { usePartitions } from '../support/partitions.ts';
import { PLACEHOLDER, updated } from '../support/records.ts';
import { runRecords } from '../support/run-records.ts';
import { until } from '../support/until.ts';
import { resultOf } from './ask.ts';
import { carryOut } from './carry-out.ts';
import { CheckoutCopy } from './checkout-copy.ts';
import { useCheckup } from './checkup.ts';
import { stepsOf } from './fix-steps.ts';
import { gathered, healthyFacts } from './healthy.ts';
import { latin1Name, WRONG_OBJECTS, WRONG_SETTINGS } from './real/postgres.ts';

/* Broken in a real database, and mended by what doctor prints; what source.pg.test.ts and canonical.pg.test.ts leave. */
const the = useCheckup(true);

beforeAll(async () => {
  await the().script();
});
afterAll(async () => {
  await the().superuser.query(`DROP DATABASE IF EXISTS ${latin1Name(the())} WITH (FORCE)`);
});

test.each(WRONG_SETTINGS)('$id: $brokenBy', async ({ id, says, sql, settings }) => {
  for (const statement of sql?.(the()) ?? []) await the().superuser.query(statement);
  expect(await the().check(id, settings?.(the()))).toMatchObject({
    verdict: 'failed',
    evidence: expect.stringContaining(says) as string,
  });
  expect(await the().check(id)).toMatchObject({ verdict: 'ok' });
});

test.each(WRONG_OBJECTS)('$id: $brokenBy', async ({ id, says, verdict, sql }) => {
  const red = verdict === undefined ? { says } : { says, verdict };
  await the().breaks(id, sql?.(the()).join(';') ?? '', red);
});

describe('a transaction that has been open for long', () => {
  /** Nothing makes it old but time: all that are open count as old. */
  async function anyLong(): Promise<CheckResult> {
    const sessions = await readSessions(the().superuser, the().name, 0);
    return ofSessions({
      ...sessions,
      long: sessions.long.filter(({ application }) => application === the().name),
    });
  }

  function ofSessions(sessions: SessionFacts): CheckResult {
    const checks = CHECKS.filter(({ id }) => id === 'long-transactions');
    const [result] = diagnose(gathered({ ...healthyFacts(), sessions }), the().config(), checks).checks;
    if (result === undefined) throw new Error('there is no such check');
    return result;
  }

  test('is ended by the fix', async () => {
    const { superuserUrl } = the().open.database;
    const session = new pg.Client({ connectionString: superuserUrl, application_name: the().name });
    session.on('error', () => undefined);
    await session.connect();
    await session.query('BEGIN; SELECT FROM agent_contexts');
    const red = await anyLong();
    expect(red).toMatchObject({ verdict: 'warning' });
    await the().paste(red.fix);
    await until('the session is gone', async () => (await anyLong()).verdict === 'ok');
    await session.end();
  });

  test('cannot be ruled out by an ordinary role, and can with the grant that is named', async () => {
    const other = await the().superuser.connect();
    const asRole = { LEGACY_DATABASE_URL: the().roleUrl, CONNECTOR_DATABASE_URL: the().open.database.url };
    const red = await the().check('long-transactions', asRole);
    expect(red.verdict).toBe('unknown');
    const [grant] = /GRANT .*;$/.exec(red.evidence) ?? [''];
    await the().superuser.query(grant);
    expect((await the().check('long-transactions', asRole)).evidence).not.toContain('may not look');
    other.release();
    await the().superuser.query(`REVOKE pg_read_all_stats FROM ${the().name}`);
  });
});

test('largest-row: a row that the connector may not send, until the limits of the checkout are raised', async () => {
  const checkout = new CheckoutCopy();
  const ask = async () => await checkout.doctor('largest-row', the().settings);
  await the().superuser.query(
    `INSERT INTO agent_contexts (organization_id, agent_url) VALUES ('o', 'https://a.example');
     INSERT INTO agent_test_history (agent_context_id, scenario, overall_passed, steps_passed, steps_failed, steps_json)
       SELECT id, 'large', true, 1, 0, to_jsonb(repeat('x', 17000000)) FROM agent_contexts`,
  );
  const red = await ask();
  expect(red).toMatchObject({
    verdict: 'failed',
    evidence: expect.stringContaining('its task will fail') as string,
  });
  const [raise, ...others] = stepsOf(red.fix ?? '');
  if (raise?.kind !== 'tool') throw new Error('the first line of the fix is no tool');
  await checkout.run(raise.name, raise.args);
  expect(await ask()).toMatchObject({ verdict: 'ok' });
  // The others are for the topic, and for the connector: what they bring follows from the same file.
  expect(others.map((step) => (step.kind === 'tool' ? step.args.at(-1) : step.kind))).toEqual([
    'max.message.bytes=67108864',
    'command',
  ]);
  await the().superuser.query('DELETE FROM agent_test_history');
  checkout.remove();
});

test('slot-identity: another role reads our slot, until the fix ends it', async () => {
  const { name, superuser, open } = the();
  await superuser.query(`SELECT pg_create_logical_replication_slot('${name}', 'pgoutput')`);
  expect(await the().check('slot-identity')).toMatchObject({ verdict: 'ok' });
  const overReplication = { connectionString: open.database.superuserUrl, replication: 'database' };
  const thief = new pg.Client(overReplication);
  thief.on('error', () => undefined);
  await thief.connect();
  const options = `proto_version '1', publication_names '${name}'`;
  const reading = thief
    .query(`START_REPLICATION SLOT ${name} LOGICAL 0/0 (${options})`)
    .catch(() => undefined);
  const red = await until('the slot is read', async () => {
    const result = await the().check('slot-identity');
    return result.verdict === 'failed' ? result : undefined;
  });
  expect(red.evidence).toContain(`, not by ${name}`);
  await the().pasteSql(red.fix);
  await until('nobody reads it', async () => (await the().check('slot-identity')).verdict === 'ok');
  await reading;
  await thief.end().catch(() => undefined);
  await superuser.query(`SELECT pg_drop_replication_slot('${name}')`);
});

test('ledger-schema: a schema of the release before, until it is migrated', async () => {
  const migrations = readMigrations();
  const last = migrations.at(-1);
  await the().superuser.query('DROP SCHEMA history_cdc CASCADE');
  await the().open.pool.query('CREATE SCHEMA history_cdc');
  await the().open.pool.query(
    `CREATE TABLE history_cdc.migration (version integer PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL,
       applied_at timestamptz NOT NULL DEFAULT clock_timestamp())`,
  );
  for (const { version, name, sql, sha256 } of migrations.slice(0, -1)) {
    await the().open.pool.query(sql);
    const applied = 'INSERT INTO history_cdc.migration (version, name, sha256) VALUES ($1, $2, $3)';
    await the().open.pool.query(applied, [version, name, sha256]);
  }
  const red = await the().check('ledger-schema');
  expect(red).toMatchObject({
    verdict: 'failed',
    evidence: `the schema history_cdc lacks ${last?.name ?? ''}`,
  });
  await the().paste(red.fix);
  expect(await the().check('ledger-schema')).toMatchObject({ verdict: 'ok' });
});

test("projector-excess: the owner of the application's tables projects, until a role of its own does", async () => {
  const red = await the().check('projector-excess');
  expect(red).toMatchObject({
    verdict: 'warning',
    evidence: expect.stringContaining('app also has: owner of') as string,
  });
  const settings = await the().paste(red.fix);
  await the().superuser.query("ALTER ROLE history_cdc_projector PASSWORD 'secret'");
  const url = new URL(settings['DATABASE_URL'] ?? '');
  url.password = 'secret';
  const mended = { ...settings, DATABASE_URL: url.href };
  for (const id of ['projector-excess', 'projector-grants'])
    expect(await the().check(id, mended)).toMatchObject({ verdict: 'ok' });
  await the().superuser.query('DROP OWNED BY history_cdc_projector; DROP ROLE history_cdc_projector');
});

describe('quarantine-empty', () => {
  const topic = usePartitions();

  test('a record is parked, until its cause is mended and it is tried again', async () => {
    const settings = { DATABASE_URL: topic().url, UNAVAILABLE_PLACEHOLDER: PLACEHOLDER };
    expect(await resultOf('quarantine-empty', settings)).toMatchObject({ verdict: 'ok' });
    const row = topic().ownersRow();
    await runRecords(topic().commit([updated(row, 'summary')], await topic().claim('one')));
    const red = await resultOf('quarantine-empty', settings);
    expect(red).toMatchObject({ verdict: 'failed', evidence: '1 open' });
    // The cause: the value that was left out is not in the legacy table.
    await topic().legacyRow(row);
    await carryOut(red.fix, { settings, superuserUrl: the().open.database.superuserUrl });
    expect(await resultOf('quarantine-empty', settings)).toMatchObject({ verdict: 'ok' });
  });
});
