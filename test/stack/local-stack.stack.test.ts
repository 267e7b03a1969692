import { readFileSync } from 'node:fs';
import { expect, inject, test } from 'vitest';
import { readRecord } from '../../stack/process.ts';
import { instanceOf, logFile, pidFile, readState, ROLES, SERVER_NAMES } from '../../stack/state.ts';
import type { StackStatus } from '../../stack/status.ts';
import { Command } from '../support/command.ts';
import '../support/provided.ts';
import { ANSWERS } from '../../cli/answers.ts';
import { runInProcess, type Answer } from '../support/run-in-process.ts';

const GIBIBYTE = 2 ** 30;
const name = inject('instance');
const addresses = inject('servers');

/** Where the stack of the tests keeps its state. */
const { HISTORY_CDC_STATE_DIR } = process.env;

async function run(
  args: readonly string[],
  settings: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return await runInProcess(args, { HISTORY_CDC_STATE_DIR, ...settings });
}

async function status(): Promise<{ exit: number; stack: StackStatus }> {
  const answer = await run(['stack', 'status', '--name', name, '--json']);
  return { exit: answer.code, stack: JSON.parse(answer.stdout) as StackStatus };
}

test('status prints every address, and all of it fits in 3 GiB', async () => {
  const { exit, stack } = await status();
  expect(exit).toBe(0);
  expect(stack.servers.map(({ server, health, address }) => [server, health, address])).toEqual([
    ['postgres', 'up', new URL(addresses.databaseUrl).host],
    ['kafka', 'up', addresses.kafkaBrokers],
    ['registry', 'up', addresses.schemaRegistryUrl],
    ['connect', 'up', addresses.connectUrl],
  ]);
  const memory = stack.servers.reduce((sum, { memoryBytes }) => sum + (memoryBytes ?? 0), 0);
  expect(memory).toBeGreaterThan(0.2 * GIBIBYTE);
  expect(memory).toBeLessThan(3 * GIBIBYTE);
});

test('config finds the addresses of the stack that HISTORY_CDC_STACK names, without the password', async () => {
  const answer = await run(['config', '--json'], { HISTORY_CDC_STACK: name, CONNECT_URL: '' });
  const { settings } = ANSWERS.config.parse(JSON.parse(answer.stdout));
  const shown = (setting: string) => {
    const found = settings.find((entry) => entry.name === setting);
    return [found?.value, found?.source];
  };
  const masked = new URL(addresses.databaseUrl);
  masked.password = '***';
  expect(shown('DATABASE_URL')).toEqual([masked.href, 'local stack']);
  expect(shown('CONNECT_URL')).toEqual([new URL(addresses.connectUrl).href, 'local stack']);
  expect(shown('KAFKA_BROKERS')).toEqual([addresses.kafkaBrokers, 'local stack']);
});

/** What the worker says of the settings of a connector: the answer as it came, and the value and faults of each. */
async function validated(settings: Record<string, string>) {
  const connector = 'io.debezium.connector.postgresql.PostgresConnector';
  const answer = await fetch(`${addresses.connectUrl}/connector-plugins/${connector}/config/validate`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ 'connector.class': connector, name: 'x', 'topic.prefix': 'x', ...settings }),
  });
  const text = await answer.text();
  const { configs } = JSON.parse(text) as {
    configs: { value: { name: string; value: string | null; errors: string[] } }[];
  };
  return { text, values: configs.map(({ value }) => value) };
}

test('Connect lets a connector override only what it needs', async () => {
  const refused = async (overrides: Record<string, string>) => {
    const { values } = await validated(overrides);
    return values
      .filter((value) => value.name in overrides && value.errors.length > 0)
      .map((value) => value.name);
  };
  expect(
    await refused({ 'producer.override.linger.ms': '0', 'producer.override.batch.size': '262144' }),
  ).toEqual([]);
  expect(await refused({ 'producer.override.bootstrap.servers': 'elsewhere:9092' })).toEqual([
    'producer.override.bootstrap.servers',
  ]);
});

test('Connect logs in with the password of its environment, shows it nowhere, and gives no other variable', async () => {
  const instance = instanceOf(process.env, name);
  const password = readState(instance)?.passwords.connector;
  if (password === undefined) throw new Error('the stack has no state');
  const source = new URL(addresses.databaseUrl);
  const login = {
    'database.hostname': source.hostname,
    'database.port': source.port,
    'database.dbname': source.pathname.slice(1),
    'database.user': ROLES.connector,
    'database.password': '${env:HISTORY_CDC_CONNECTOR_PASSWORD}',
    'plugin.name': 'pgoutput',
  };
  const right = await validated(login);
  const faults = ({ values }: typeof right) =>
    values.filter(({ errors }) => errors.length > 0).map((value) => value.name);
  // It connected, so it does know the password: to see nothing of it means something.
  expect(faults(right)).toEqual([]);
  const wrong = await validated({ ...login, 'database.password': `${password}-not` });
  expect(faults(wrong)).toEqual(['database.hostname']);
  const elsewhere = await validated({ ...login, 'database.user': '${env:PATH}' });
  expect(elsewhere.values.find((value) => value.name === 'database.user')?.value).toBeNull();
  const log = readFileSync(logFile(instance, 'connect'), 'utf8');
  expect(log).toContain('password authentication failed');
  for (const text of [right.text, wrong.text, elsewhere.text, log]) expect(text).not.toContain(password);
});

test('a schema keeps its id when the registry is killed and comes up again', async () => {
  const url = `${addresses.schemaRegistryUrl}/subjects/local-stack-test/versions`;
  const schema = JSON.stringify({ type: 'record', name: 'LocalStackTest', fields: [] });
  const register = async () => {
    const headers = { 'content-type': 'application/vnd.schemaregistry.v1+json' };
    const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ schema }) });
    return ((await answer.json()) as { id: number }).id;
  };
  const id = await register();
  const record = pidFile(instanceOf(process.env, name), 'registry');
  const killed = readRecord(record);
  if (killed === undefined) throw new Error('the registry is not on record');
  process.kill(killed.pid, 'SIGKILL');

  const down = await status();
  expect(down.exit).toBe(1);
  expect(down.stack.servers.filter(({ health }) => health !== 'up').map(({ server }) => server)).toEqual([
    'registry',
  ]);

  // A process of its own, which the server must outlive.
  const state = HISTORY_CDC_STATE_DIR === undefined ? {} : { HISTORY_CDC_STATE_DIR };
  expect(await Command.historyCdc(['stack', 'up', '--name', name], state).ended).toMatchObject({ code: 0 });
  expect(readRecord(record)?.pid).not.toBe(killed.pid);
  const known = await fetch(`${addresses.schemaRegistryUrl}/schemas/ids/${String(id)}`);
  expect(await known.json()).toMatchObject({ schema });
  expect(await register()).toBe(id);

  const again = await run(['stack', 'up', '--name', name]);
  expect(again.stderr).toContain(`the stack ${name} was up already`);
  expect(again.stdout.match(/ up /g)).toHaveLength(SERVER_NAMES.length);
});

test.each([
  ['an unknown option', ['stack', 'up', '--nonsense']],
  ['a port that is none', ['stack', 'up', '--name', 'never-made', '--port-kafka', '70000']],
  ['a name that leads elsewhere', ['stack', 'down', '--name', '../local', '--purge']],
])('%s is misuse', async (_, args) => {
  const answer = await run(args);
  expect(answer.code).toBe(2);
  expect(answer.stderr).not.toBe('');
});

test('a stack that was never made is not up', async () => {
  const answer = await run(['stack', 'status', '--name', 'never-made']);
  expect(answer).toMatchObject({ code: 1 });
  expect(answer.stdout).toContain('history-cdc stack up');
});
