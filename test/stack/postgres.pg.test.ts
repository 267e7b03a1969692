import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeProcess, identityOf, readRecord } from '../../stack/process.ts';
import { removeAbandonedStacks, startStack, stopStack, type RunningStack } from '../../stack/stack.ts';
import { instanceOf, localStackEnvironment, pidFile, readState, writeState } from '../../stack/state.ts';
import { stackStatus } from '../../stack/status.ts';
import { waitUntil } from '../../stack/wait.ts';
import { freshDatabase } from '../support/database.ts';

const environment = process.env;
const options = {
  environment,
  name: `test-own-${String(process.pid)}`,
  onProgress: () => undefined,
};
const instance = instanceOf(environment, options.name);
const start = () => startStack({ ...options, components: ['postgres'], unsafeFast: true, owned: true });
const recorded = () => readRecord(pidFile(instance, 'postgres'));
let stack: RunningStack;

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

beforeAll(async () => {
  stack = await start();
});

afterAll(async () => {
  await stopStack({ ...options, purge: true });
});

test('is ready for Debezium: logical WAL, bounded slots, commit times', async () => {
  const rows = await query(
    stack.addresses.superuserUrl,
    `SELECT name, setting FROM pg_settings
      WHERE name IN ('wal_level', 'max_slot_wal_keep_size', 'track_commit_timestamp', 'listen_addresses',
                     'unix_socket_directories', 'server_encoding') ORDER BY name`,
  );
  expect(Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))).toEqual({
    listen_addresses: '127.0.0.1',
    max_slot_wal_keep_size: '2048',
    server_encoding: 'UTF8',
    track_commit_timestamp: 'on',
    unix_socket_directories: '',
    wal_level: 'logical',
  });
});

test('its roles can do what they need and no more, and need their passwords', async () => {
  const { databaseUrl, connectorDatabaseUrl } = stack.addresses;
  expect(
    await query(
      databaseUrl,
      `SELECT rolname, rolsuper, rolreplication, rolcreaterole, rolcreatedb FROM pg_roles
        WHERE rolname IN ('app', 'history_cdc_connector') ORDER BY rolname`,
    ),
  ).toEqual([
    { rolname: 'app', rolsuper: false, rolreplication: false, rolcreaterole: false, rolcreatedb: false },
    {
      rolname: 'history_cdc_connector',
      rolsuper: false,
      rolreplication: true,
      rolcreaterole: false,
      rolcreatedb: false,
    },
  ]);
  const wrong = new URL(databaseUrl);
  wrong.password = 'wrong';
  await expect(query(wrong.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
  const connector = new URL(connectorDatabaseUrl);
  connector.password = readState(instance)?.passwords.connector ?? '';
  expect(await query(connector.href, 'SELECT current_user AS me')).toEqual([{ me: 'history_cdc_connector' }]);
});

test('a second up finds it up; its addresses, and what is in it, outlive down', async () => {
  await query(stack.addresses.databaseUrl, 'CREATE TABLE kept (id int)');
  expect(await start()).toMatchObject({ wasUp: true, addresses: stack.addresses });
  await stopStack(options);
  expect(await stackStatus(environment, options.name)).toMatchObject({
    up: false,
    servers: [{ server: 'postgres', health: 'down', pid: null }],
  });
  expect(localStackEnvironment({ ...environment, HISTORY_CDC_STACK: options.name })).toBeUndefined();
  const again = await start();
  expect(again).toMatchObject({ wasUp: false, addresses: stack.addresses });
  expect(await query(stack.addresses.databaseUrl, 'SELECT count(*)::int FROM kept')).toEqual([{ count: 0 }]);
});

test('two ups at once are one', async () => {
  await stopStack(options);
  const both = await Promise.all([start(), start()]);
  expect(both.map(({ wasUp }) => wasUp).sort()).toEqual([false, true]);
  expect(recorded()).toBeDefined();
});

test('a killed server starts again, although one of its backends is still at work', async () => {
  const { superuserUrl } = stack.addresses;
  const busy = query(
    superuserUrl,
    'SELECT count(*) FROM generate_series(1, 99999) a, generate_series(1, 99999) b',
  ).catch(() => 'cut off');
  const running = async () =>
    (
      await query(
        superuserUrl,
        "SELECT FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%99999) b%'",
      )
    ).length > 1;
  expect(await waitUntil(running, { withinMs: 60_000 })).toBe(true);
  const killed = recorded();
  process.kill(killed?.pid ?? 0, 'SIGKILL');

  expect(await start()).toMatchObject({ wasUp: false });
  expect(recorded()?.pid).not.toBe(killed?.pid);
  expect(await busy).toBe('cut off');
});

test('down leaves a process alone that has the number of a server by now', async () => {
  await stopStack(options);
  const self = identityOf(process.pid);
  const record = describeProcess(process.pid) ?? '';
  writeFileSync(pidFile(instance, 'postgres'), record.replace(self?.startedAt ?? '', '1'));
  expect(recorded()).toEqual({ pid: process.pid, startedAt: '1' });
  // Were we taken for it, this process, and the test, would end here.
  expect(await stopStack(options)).toEqual([]);
  expect(await start()).toMatchObject({ wasUp: false });
});

test('an instance whose owner is gone is removed, this one is not', async () => {
  const state = readState(instance);
  if (state === undefined) throw new Error('the instance has no state');
  await removeAbandonedStacks({ environment, onProgress: () => undefined });
  expect(existsSync(instance.folder)).toBe(true);

  const abandoned = instanceOf(environment, `${options.name}-gone`);
  writeState(abandoned, { ...state, name: abandoned.name, owner: { pid: 1, startedAt: 'never' } });
  await removeAbandonedStacks({ environment, onProgress: () => undefined });
  expect(existsSync(abandoned.folder)).toBe(false);
  expect(existsSync(instance.folder)).toBe(true);
});

test('a port that somebody else has is named, and nothing is left running', async () => {
  const name = `${options.name}-port`;
  const taken = Number(new URL(stack.addresses.databaseUrl).port);
  const attempt = startStack({
    ...options,
    name,
    components: ['postgres'],
    ports: { postgres: taken },
    owned: true,
  });
  await expect(attempt).rejects.toMatchObject({
    code: 'STACK_SERVER_FAILED',
    message: expect.stringContaining(`port ${String(taken)} `) as string,
  });
  expect(await stopStack({ ...options, name, purge: true })).toEqual([]);
});

test('a server that dies at its start is reported with the end of its log', async () => {
  await stopStack(options);
  const version = path.join(instance.folder, 'postgres', 'PG_VERSION');
  const real = readFileSync(version, 'utf8');
  writeFileSync(version, '9\n');
  await expect(start()).rejects.toMatchObject({
    code: 'STACK_SERVER_FAILED',
    message: expect.stringContaining('database files are incompatible with server') as string,
  });
  writeFileSync(version, real);
  expect(await start()).toMatchObject({ wasUp: false });
});

test('a stack of its own is not in the way of the one that the tests share', async () => {
  const shared = await freshDatabase();
  expect(new URL(shared.url).port).not.toBe(new URL(stack.addresses.databaseUrl).port);
  expect(await query(shared.url, "SELECT to_regclass('kept') AS kept")).toEqual([{ kept: null }]);
  await shared.drop();
});
