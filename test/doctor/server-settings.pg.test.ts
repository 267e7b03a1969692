import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CHECKS } from '../../connectors/doctor/checks.ts';
import { examine } from '../../connectors/doctor/doctor.ts';
import { loadConfig } from '../../consumers/lib/config.ts';
import { postgres } from '../../stack/postgres.ts';
import { startStack, stopStack } from '../../stack/stack.ts';
import { addressesOf, instanceOf, readState, type StackState } from '../../stack/state.ts';
import { until } from '../support/until.ts';

/* A Postgres of its own, set up as none should be: what only a start, or a reload, of the server can change. */
const options = {
  environment: process.env,
  name: `test-unfit-${String(process.pid)}`,
  onProgress: () => undefined,
};
const UNFIT = {
  wal_level: 'replica',
  max_replication_slots: '1',
  max_wal_senders: '0',
  max_slot_wal_keep_size: '-1',
  max_prepared_transactions: '5',
};
let state: StackState;
let server: ChildProcess;

beforeAll(async () => {
  await startStack({ ...options, components: ['postgres'], unsafeFast: true, owned: true });
  await stopStack({ ...options, purge: false });
  const instance = instanceOf(options.environment, options.name);
  const kept = readState(instance);
  if (kept === undefined) throw new Error('the instance is gone');
  state = kept;
  const jvm = () => Promise.reject(new Error('Postgres needs none'));
  const { file, args, ...how } = await postgres.prepare({ ...options, instance, state, jvm });
  const settings = Object.entries(UNFIT).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  server = spawn(file, [...args, ...settings], { ...how, stdio: 'ignore' });
  await until('Postgres answers', () =>
    postgres.probe(state).then(
      () => true,
      () => false,
    ),
  );
});

afterAll(async () => {
  const ended = once(server, 'exit');
  server.kill('SIGINT');
  await ended;
  await stopStack({ ...options, purge: true });
});

async function asSuperuser(statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: addressesOf(state).superuserUrl });
  await client.connect();
  for (const statement of statements) await client.query(statement);
  await client.end();
}

test('every setting that does not fit is red, with the statement that mends it', async () => {
  await asSuperuser([
    "SELECT pg_create_physical_replication_slot('somebody_else')",
    'BEGIN',
    'CREATE TABLE left_behind (id int)',
    "PREPARE TRANSACTION 'left behind'",
  ]);
  const ids = ['wal-level', 'replication-slots-room', 'wal-senders-room', 'wal-cap', 'wal-runway'];
  const checks = CHECKS.filter(({ id }) => [...ids, 'prepared-transactions'].includes(id));
  const config = loadConfig({ DATABASE_URL: addressesOf(state).superuserUrl }, undefined);
  const report = await examine(config, checks);
  expect(report.checks.map(({ id, verdict, evidence }) => [id, verdict, evidence.split(':')[0]])).toEqual([
    ['wal-level', 'failed', 'wal_level = replica'],
    ['replication-slots-room', 'failed', '1 of 1 in use'],
    ['wal-senders-room', 'failed', '0 of 0 in use'],
    ['wal-cap', 'failed', 'max_slot_wal_keep_size = -1'],
    ['wal-runway', 'unknown', expect.stringContaining('there is no cap')],
    // Young: the application may be about to commit it.
    ['prepared-transactions', 'ok', '1 prepared'],
  ]);
  const fixes = report.checks.map(({ fix }) => fix ?? '').join('\n');
  for (const setting of ['wal_level', 'max_replication_slots', 'max_wal_senders', 'max_slot_wal_keep_size'])
    expect(fixes).toContain(`ALTER SYSTEM SET ${setting} = `);
  expect(report).toMatchObject({ mayGoOn: false, first: { id: 'wal-level' } });
});
