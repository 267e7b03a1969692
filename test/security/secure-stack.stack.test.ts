import { randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConnectClient } from '../../connectors/deploy/connect-client.ts';
import { loadConfig } from '../../lib/config.ts';
import { KafkaCluster } from '../../lib/kafka-cluster.ts';
import { createLogger } from '../../lib/log.ts';
import { topicNames } from '../../lib/names.ts';
import { createPool } from '../../lib/postgres.ts';
import { createApplication } from '../../demo/generate.ts';
import { insertRuns, MARKER, seedOrganisations } from '../support/application-rows.ts';
import { Command } from '../support/command.ts';
import { runInProcess, type Answer } from '../support/run-in-process.ts';
import { GROUP_RULE, REFUSALS } from './refusals.ts';
import { argumentsOfAll, SecureStack } from '../support/secure-stack.ts';

/*
 * One secure stack (`stack up --secure`), and the real pipeline on it with the roles that our scripts make. The order of
 * the tests is that of a deployment; the last one looks through everything that was said meanwhile.
 */

const ROWS = 40;
const TOPICS = topicNames({ TOPIC_PREFIX: 'aao' });

let started: SecureStack | undefined;
let stack: SecureStack;
let service: Command | undefined;
/** All that any command has said. */
const said: string[] = [];

beforeAll(async () => {
  stack = started = await SecureStack.start();
  const pool = createPool({ url: stack.addresses.databaseUrl, name: 'test', connections: 1 });
  try {
    await createApplication(pool);
    await seedOrganisations(pool);
    await insertRuns(pool, 1, ROWS);
    await pool.query(`CREATE TABLE unlisted (id int PRIMARY KEY, note text);
                      INSERT INTO unlisted VALUES (1, '${MARKER}')`);
  } finally {
    await pool.end();
  }
});
afterAll(async () => {
  service?.signal('SIGKILL');
  await started?.stop();
});

async function run(args: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const answer = await runInProcess(args, {
    ...stack.settings,
    // The log goes past what is caught here; processes of their own have it at `debug`.
    LOG_LEVEL: 'silent',
    ...more,
  });
  said.push(answer.stdout, answer.stderr);
  return answer;
}

const asProjector = (...args: string[]) => run(args, stack.projector);

describe('the pipeline, by TLS and with the least rights,', () => {
  test('is deployed by the owner of the tables and an operator of Kafka', async () => {
    for (const args of [
      ['connector', 'sql', '--run'],
      ['migrate', '--grant-to', 'history_cdc_projector'],
      ['connector', 'sql', '--projector', 'history_cdc_projector', '--run'],
      ['connector', 'apply'],
      ['connector', 'plan'],
    ])
      expect(await run(args)).toMatchObject({ code: 0 });
    expect((await run(['config'])).stdout).toContain('sslmode=verify-full');
  });

  test('projects, and proves it, as a role that may do no more', async () => {
    const once = Command.historyCdc(['project', '--until-caught-up'], {
      ...stack.projector,
      LOG_LEVEL: 'debug',
      HTTP_PORT: '0',
    });
    const ended = await once.ended;
    said.push(ended.stdout, ended.stderr);
    expect([ended.code, ended.stdout], ended.stderr.slice(-2_000)).toEqual([
      0,
      expect.stringContaining(`applied ${String(ROWS)}`),
    ]);
    // As a process of its own, with no variable but the stack's name.
    const examined = await Command.historyCdc(['doctor'], { HISTORY_CDC_STACK: stack.name }).ended;
    said.push(examined.stdout, examined.stderr);
    expect(examined.stdout).toContain('nothing is in the way');
    const reconciled = await asProjector('reconcile');
    expect([reconciled.code, reconciled.stdout]).toEqual([0, expect.stringContaining('proven')]);
    expect(await asProjector('census', '--compare')).toMatchObject({ code: 0 });
    const only = 'projector-grants,projector-excess,connector-grants,connector-excess,publication';
    expect(await asProjector('doctor', '--only', only)).toMatchObject({ code: 0 });
  });

  test('and has in Kafka what was published, and nothing of another table', async () => {
    const cluster = await clusterAs('operator');
    try {
      const topics = (await cluster.listTopics()).filter((topic) => !topic.startsWith('__consumer'));
      expect([...topics].sort()).toEqual(Object.values(TOPICS).sort());
    } finally {
      await cluster.close();
    }
  });
});

async function clusterAs(user: 'admin' | 'operator' | 'projector'): Promise<KafkaCluster> {
  const settings = { KAFKA_BROKERS: stack.addresses.kafkaBrokers, ...stack.kafka(user) };
  return await KafkaCluster.connect(
    loadConfig(settings, undefined, ['KAFKA_BROKERS']),
    createLogger('silent'),
  );
}

describe('refused is, with the setting at fault named and no secret shown,', () => {
  test.each(REFUSALS)('$what', async ({ args, settings, code, names }) => {
    const { code: exit, stderr } = await run(args, settings(stack));
    expect([exit, stderr]).toEqual([2, expect.stringContaining(`error ${code}: `)]);
    expect(stderr).toContain(names);
    expect(stderr).not.toContain('wrong-password');
  });

  test.each([
    { how: 'without a login', login: '', more: () => ({}), names: 'SCHEMA_REGISTRY_URL' },
    {
      how: 'with a token that it does not know',
      login: 'history-cdc@',
      more: () => ({ SCHEMA_REGISTRY_TOKEN: 'x' }),
      names: 'SCHEMA_REGISTRY_TOKEN',
    },
    {
      how: 'by another authority',
      login: '',
      more: () => ({ SCHEMA_REGISTRY_CA_FILE: stack.otherCa }),
      names: 'SCHEMA_REGISTRY_CA_FILE',
    },
  ])('the registry $how', async ({ login, more, names }) => {
    const url = stack.addresses.schemaRegistryUrl.replace(/\/\/.*@/, `//${login}`);
    const settings = { SCHEMA_REGISTRY_URL: url, ...more() };
    const { code, stdout } = await run(['doctor', '--only', 'registry-reachable'], settings);
    expect([code, stdout]).toEqual([1, expect.stringContaining(names)]);
  });

  test('a copy of the whole cluster, which REPLICATION alone would allow', async () => {
    const url = new URL(stack.addresses.connectorDatabaseUrl);
    url.password = stack.state.passwords.connector;
    const client = new pg.Client({ connectionString: `${url.href}&replication=true` });
    await expect(client.connect()).rejects.toMatchObject({ code: '28000' });
    const logical = new pg.Client({ connectionString: `${url.href}&replication=database` });
    await logical.connect();
    await logical.end();
  });
});

describe('nobody but Connect', () => {
  test.each(['projector', 'operator'] as const)('writes the data topic: not the %s', async (user) => {
    const cluster = await clusterAs(user);
    try {
      const forged = { key: Buffer.from('k'), value: Buffer.from('v'), partition: 0 };
      const refusal = { type: 'TOPIC_AUTHORIZATION_FAILED' };
      await expect(cluster.produce(TOPICS.data, [forged])).rejects.toMatchObject(refusal);
    } finally {
      await cluster.close();
    }
  });

  test.each([
    ['projector', TOPICS.notifications],
    ['operator', 'connect-configs'],
  ] as const)('and the %s may not read %s', async (user, topic) => {
    const cluster = await clusterAs(user);
    try {
      const reading = cluster.consume({
        group: 'agent-history-projector.test',
        topic,
        fetchBytes: 65_536,
        assigned: () => Promise.resolve(new Map()),
        records: () => Promise.resolve(),
        failed: () => undefined,
      });
      await expect(reading).rejects.toMatchObject({ code: 'KAFKA_REFUSED' });
    } finally {
      await cluster.close();
    }
  });
});

test('a group that the rules do not name is refused, with the rule that is missing', async () => {
  const elsewhere = { ...stack.projector, CONSUMER_GROUP: 'elsewhere' };
  const replay = await Command.historyCdc(['replay'], elsewhere).ended;
  said.push(replay.stdout, replay.stderr);
  expect(replay).toMatchObject({ code: 2, stderr: expect.stringContaining(GROUP_RULE) as string });
  expect(replay.stderr).toMatch(/^error KAFKA_REFUSED: .* the consumer group elsewhere\.replay\.\d+\n/m);
  // It knows no such row without the topic, and says why it has not read that.
  const { code, stdout } = await run(['explain', randomUUID()], elsewhere);
  expect([code, stdout.replaceAll(/\s+/g, ' ')]).toEqual([1, expect.stringContaining(GROUP_RULE)]);
});

test.runIf(process.platform === 'linux')('every server listens on the loopback address alone', async () => {
  const ports = Object.entries(stack.state.ports);
  expect(ports).toHaveLength(8);
  for (const [name, port] of ports) {
    // Another address of this machine is only free where nobody listens on all of them.
    const taken = await new Promise<string>((resolve) => {
      const server = createServer()
        .once('error', ({ message }) => {
          resolve(message);
        })
        .listen({ host: '127.0.0.2', port, exclusive: true }, () => {
          server.close(() => {
            resolve('free');
          });
        });
    });
    expect([name, taken]).toEqual([name, 'free']);
  }
});

test('no secret and no value of a row is in what was said, in a log, in Connect or in the arguments of a process', async () => {
  const loud = { LOG_LEVEL: 'debug', HTTP_PORT: '0' };
  const wrong = { ...stack.settings, KAFKA_SASL_PASSWORD: 'wrong-password', ...loud };
  const refused = await Command.historyCdc(['connector', 'status'], wrong).ended;
  expect(refused.stderr).toContain('kafkajs');
  expect(refused.stdout + refused.stderr).not.toContain('wrong-password');
  said.push(refused.stdout, refused.stderr);
  service = Command.historyCdc(['project'], { ...stack.projector, ...loud });
  await service.logged('partitions assigned');
  const client = new ConnectClient({
    url: stack.addresses.connectUrl,
    caFile: stack.settings['CONNECT_CA_FILE'],
    secrets: [],
  });
  const config = await client.config('agent-test-history');
  expect(config).toMatchObject({
    'database.password': '${env:HISTORY_CDC_CONNECTOR_PASSWORD}',
    'key.converter.apicurio.auth.password': '${env:HISTORY_CDC_REGISTRY_PASSWORD}',
    'errors.tolerance': 'none',
  });
  const args = argumentsOfAll();
  for (const server of ['kafka.Kafka', 'ConnectDistributed', 'apicurio-registry-app'])
    expect(args).toContain(server);
  const places = {
    'what commands said': said.join('\n') + service.stdout + service.stderr,
    "Connect's answers": JSON.stringify([
      config,
      await client.status('agent-test-history'),
      await client.offsets('agent-test-history'),
      await client.plugins(),
    ]),
    'the arguments of processes': args,
    'the logs of the servers': stack.logs(),
  };
  expect(stack.secrets).toHaveLength(11);
  for (const [place, text] of Object.entries(places)) {
    expect(text.length, place).toBeGreaterThan(100);
    const shown = stack.secrets.filter(([, secret]) => text.includes(secret)).map(([name]) => name);
    expect([place, shown, text.includes(MARKER)]).toEqual([place, [], false]);
  }
});
