import { readFileSync } from 'node:fs';
import { describe, expect, inject, test } from 'vitest';
import { listActions } from '../../consumers/agent-test-history/batch/actions.ts';
import { migrate } from '../../consumers/agent-test-history/schema/migrate.ts';
import type { Plan } from '../../connectors/deploy/plan.ts';
import type { ConnectorReport } from '../../operations/connector/connector-report.ts';
import { until } from '../support/until.ts';
import { SECRET, useDeployment } from './deployment.ts';

/*
 * One connector from the first plan on, by the commands that an operator types, against the real servers. The tests
 * are one story and run in their order.
 */

const ROWS = 40;
const MARKER = 'a-row-of-another-table';
const the = useDeployment(ROWS);

describe('before it is deployed', () => {
  test('apply names what the database lacks, and creates nothing', async () => {
    const { code, stderr } = await the().connectorProcess(['apply']);
    expect(code).toBe(2);
    expect(stderr).toContain('DATABASE_UNFIT');
    expect(stderr).toContain(`there is no publication ${the().name}`);
    expect(stderr).toContain('history-cdc connector sql');
    expect(await the().cluster.listTopics()).not.toContain(the().topics.data);
  });

  test('the script runs as the owner of the tables', async () => {
    const { code, stderr } = await the().connector(['sql', '--run']);
    expect([code, stderr.includes('is not in the action log')]).toEqual([0, true]);
    await migrate(the().owner, undefined);
  });

  test('plan creates the connector and every topic, and ends with 1', async () => {
    const { code, stdout } = await the().connector(['plan', '--json']);
    expect(code).toBe(1);
    const plan = JSON.parse(stdout) as Plan;
    expect(plan.connector).toBe('create');
    const missing = Object.values(the().topics).map((topic) => `missing ${topic}`);
    expect(plan.topics.map(({ kind, topic }) => `${kind} ${topic}`).sort()).toEqual(missing.sort());
  });

  test('a login that Postgres refuses is named by the setting, and nothing is deployed', async () => {
    const url = new URL(the().database.connectorUrl);
    url.username = 'nobody';
    const unreachable = {
      CONNECTOR_DATABASE_URL: url.href,
      LEGACY_DATABASE_URL: 'postgresql://app@127.0.0.1:9/app',
    };
    expect((await the().connector(['apply'], unreachable)).stderr).toContain('SOURCE_UNSEEN');
    const { code, stderr } = await the().connector(['apply', '--unseen'], unreachable);
    expect(code).toBe(2);
    expect(stderr).toContain('CONNECTOR_REJECTED');
    expect(stderr).toMatch(/database\.hostname: .*password authentication failed for user "nobody"/);
    expect(await the().connect('GET', '')).toMatchObject({ error_code: 404 });
  });
});

describe('deployed', () => {
  test('it works, with every row of the table in the topic, one of 3 MiB among them', async () => {
    const { code, stdout, stderr } = await the().connectorProcess(['apply']);
    expect([code, stderr.includes('error')]).toEqual([0, false]);
    expect(stdout).toContain(`+ connector ${the().name}`);
    expect(stdout).toContain(`${the().name} works: the heartbeat of `);
    expect(await the().records(the().topics.data)).toBe(ROWS + 1);
    expect((await the().cluster.watermarks(the().topics.data)).size).toBe(3);
  });

  test('a second apply changes nothing and proves the same; plan is clean', async () => {
    const again = await the().connector(['apply']);
    expect(again.code).toBe(0);
    expect(again.stdout).toMatch(/: nothing to change\n.* works: the heartbeat of /);
    const plan = await the().connectorProcess(['plan']);
    expect([plan.code, plan.stdout]).toEqual([0, `${the().name}: nothing to change\n`]);
  });

  test('it is healthy', async () => {
    const { code, stdout } = await the().connector(['status', '--json']);
    const report = JSON.parse(stdout) as ConnectorReport;
    expect(report).toMatchObject({ healthy: true, state: 'RUNNING', initialSnapshot: 'completed' });
    expect(report.slot).toMatchObject({ active: true, plugin: 'pgoutput' });
    expect(code).toBe(0);
  });

  test('Connect holds a reference in place of the password', async () => {
    const config = await the().connect<Record<string, string>>('GET', '/config');
    expect(config['database.password']).toBe('${env:HISTORY_CDC_CONNECTOR_PASSWORD}');
    expect(JSON.stringify(config)).not.toContain(SECRET);
  });

  test.each(['key', 'value'])('the registry holds the recorded %s schema', async (part) => {
    const { name, topics } = the();
    const versions = `${inject('servers').schemaRegistryUrl}/subjects/${topics.data}-${part}/versions`;
    expect(await (await fetch(versions)).json()).toHaveLength(1);
    const { schema } = (await (await fetch(`${versions}/latest`)).json()) as { schema: string };
    const file = new URL(`../../connectors/schemas/agent_test_history-${part}.avsc`, import.meta.url);
    const registered: unknown = JSON.parse(schema.replaceAll(`${name}.`, 'aao.'));
    expect(registered).toEqual(JSON.parse(readFileSync(file, 'utf8')));
  });

  test('a table that is not in the publication reaches no topic', async () => {
    const { topics, owner, cluster } = the();
    const before = await the().records(topics.data);
    await owner.query(`INSERT INTO another VALUES (1, '${MARKER}')`);
    await owner.query(`UPDATE agent_test_history SET brief = 'written after it' WHERE scenario = 'large'`);
    await until('the later change has come', async () => (await the().records(topics.data)) > before);
    expect(await the().records(topics.data)).toBe(before + 1);
    const ours = (await cluster.listTopics()).filter((topic) => topic.includes(the().name));
    expect(ours.sort()).toEqual(Object.values(topics).sort());
    const data = await the().contents(topics.data);
    expect(data).toContain('written after it');
    expect(data).not.toContain(MARKER);
  });

  test('what somebody changed by hand is in the plan, and apply puts it right', async () => {
    const config = await the().connect<Record<string, string>>('GET', '/config');
    await the().connect('PUT', '/config', { ...config, 'poll.interval.ms': '500', 'max.iteration': 'x' });
    const plan = await the().connector(['plan']);
    expect(plan.code).toBe(1);
    expect(plan.stdout).toContain('~ poll.interval.ms = 500 -> 5');
    expect(plan.stdout).toContain('- max.iteration = x');
    expect((await the().connector(['apply'])).code).toBe(0);
    expect((await the().connector(['plan'])).code).toBe(0);
  });

  test('a topic that is not as it must be is named, not changed', async () => {
    const { code, stderr } = await the().connector(['apply'], { TOPIC_PARTITIONS: '4' });
    expect(code).toBe(2);
    expect(stderr).toContain(`${the().topics.data}: partitions is 3, must be 4`);
    expect((await the().cluster.watermarks(the().topics.data)).size).toBe(3);
  });

  test('paused, it is not healthy and apply proves nothing; resumed, it works', async () => {
    expect((await the().connector(['pause'])).code).toBe(0);
    await the().untilState('PAUSED');
    const status = await the().connector(['status']);
    expect(status.code).toBe(1);
    expect(status.stdout).toContain('connector-tasks: connector PAUSED');
    expect((await the().connector(['apply'])).code).toBe(1);
    expect((await the().connector(['resume'])).code).toBe(0);
    expect((await the().connector(['apply'])).code).toBe(0);
  });

  test('restarted, it works', async () => {
    expect((await the().connector(['restart'])).code).toBe(0);
    expect((await the().connector(['apply'])).code).toBe(0);
  });

  test('what was done is in the action log; an apply that had nothing to change is not', async () => {
    const done = (await listActions(the().owner, 100)).toReversed();
    expect(done.map(({ command, counts }) => [command, counts])).toEqual([
      ['connector apply', { settings: expect.any(Number) as number, topics: 5 }],
      ['connector apply', { settings: expect.any(Number) as number, topics: 0 }],
      ['connector apply', { settings: 2, topics: 0 }],
      ...['pause', 'resume', 'restart'].map((verb) => [`connector ${verb}`, {}]),
    ]);
  });
});
