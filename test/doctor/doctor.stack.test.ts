import { afterAll, describe, expect, inject, test } from 'vitest';
import { registerDoctor } from '../../cli/doctor.ts';
import { CHECKS } from '../../connectors/doctor/checks.ts';
import type { CheckResult, DoctorReport } from '../../connectors/doctor/doctor.ts';
import { migrate } from '../../consumers/agent-test-history/migrate.ts';
import { createPool } from '../../consumers/lib/postgres.ts';
import { SECRET, useDeployment } from '../connectors/deployment.ts';
import { runInProcess } from '../support/run-in-process.ts';
import { freezeServer } from '../support/servers.ts';
import { until } from '../support/until.ts';

/*
 * `doctor` from before the first step of a deployment to a broken one, against the real servers. One story, in its order.
 */
const the = useDeployment(3);
let unfreeze: () => void = () => undefined;
afterAll(() => {
  unfreeze();
});

/** What the command prints, as an operator starts it, and whether it ended with 1. */
async function doctor(
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<{ stdout: string; no: boolean }> {
  const { code, stdout } = await runInProcess([registerDoctor], ['doctor', ...args], {
    ...the().settings,
    // Sessions of other tests are none of this one's business, and an ordinary role may not see them.
    LEGACY_DATABASE_URL: the().database.superuserUrl,
    ...more,
  });
  expect(stdout).not.toContain(SECRET);
  expect(code).toBeLessThan(2);
  return { stdout, no: code === 1 };
}

async function report(only: readonly string[] = [], more: Readonly<Record<string, string>> = {}) {
  const args = only.length === 0 ? ['--json'] : ['--json', '--only', only.join(',')];
  return JSON.parse((await doctor(args, more)).stdout) as DoctorReport;
}

async function one(id: string, more: Readonly<Record<string, string>> = {}): Promise<CheckResult> {
  const [result] = (await report([id], more)).checks;
  if (result === undefined) throw new Error(`there is no check ${id}`);
  return result;
}

const failedOf = ({ checks }: DoctorReport) =>
  checks.filter(({ verdict }) => verdict === 'failed').map(({ id }) => id);

test('before anything is deployed: nothing is wrong, and the first step is named', async () => {
  const { stdout, no } = await doctor([]);
  expect(stdout).toContain('nothing is in the way: you may go on');
  expect(stdout).toMatch(/first \(publication\): history-cdc connector sql/);
  expect(stdout).not.toContain('FAILED');
  expect(no).toBe(false);
});

describe('deployed', () => {
  test('every check is well, but that nobody projects yet', async () => {
    expect((await the().connector(['sql', '--run'])).code).toBe(0);
    const pool = createPool({ url: the().database.url, name: 'test', connections: 1 });
    await migrate(pool, undefined);
    await pool.end();
    expect((await the().connector(['apply'])).code).toBe(0);
    await until('Connect has stored an offset', async () => {
      const { offsets } = await the().connect<{ offsets: unknown[] }>('GET', '/offsets');
      return offsets.length > 0;
    });
    const found = await report();
    const others = found.checks.filter(({ verdict }) => verdict !== 'ok');
    expect(others.map(({ id, verdict }) => `${id} ${verdict}`)).toEqual([
      'topic-identity not_yet',
      'offsets-in-range not_yet',
      'projector-moves not_yet',
      'projector-excess warning',
    ]);
    expect(found).toMatchObject({ deployed: true, mayGoOn: true, first: { fix: 'history-cdc project' } });
    expect(found.checks).toHaveLength(CHECKS.length);
  });

  test('a setting that somebody changed', async () => {
    const config = await the().connect<Record<string, string>>('GET', '/config');
    await the().connect('PUT', '/config', { ...config, 'poll.interval.ms': '500' });
    expect(await one('connector-drift')).toMatchObject({
      verdict: 'failed',
      evidence: 'poll.interval.ms differs',
    });
    await the().connect('PUT', '/config', config);
    expect((await one('connector-drift')).verdict).toBe('ok');
  });

  test('topics with another retention, clean-up or message limit', async () => {
    const { cluster, topics } = the();
    const good = { 'cleanup.policy': 'delete', 'retention.ms': '-1', 'max.message.bytes': '16777216' };
    const bad = { 'cleanup.policy': 'compact', 'retention.ms': '1000000', 'max.message.bytes': '1000000' };
    const ids = ['topic-retention', 'topic-cleanup', 'topic-message-limit'];
    await cluster.alterTopicConfig(topics.data, bad);
    const red = await report(ids);
    expect(failedOf(red)).toEqual(ids);
    expect(red.first?.fix).toContain(`--entity-name ${topics.data} --add-config retention.ms=-1`);
    await cluster.alterTopicConfig(topics.data, { ...good, 'retention.bytes': '-1' });
    expect((await report(ids)).counts.ok).toBe(3);
  });

  test('partitions, brokers and a Kafka that are not as the settings say', async () => {
    expect(await one('topic-partitions', { TOPIC_PARTITIONS: '4' })).toMatchObject({
      verdict: 'failed',
      evidence: `${the().topics.data}: partitions is 3, must be 4`,
    });
    expect((await one('kafka-brokers', { TOPIC_REPLICATION: '3' })).verdict).toBe('failed');
  });

  test('a registry that is not one, and one that answers nobody', async () => {
    const { connectUrl } = inject('servers');
    const wrong = await one('registry-reachable', { SCHEMA_REGISTRY_URL: connectUrl });
    expect(wrong).toMatchObject({ verdict: 'failed' });
    const nobody = { SCHEMA_REGISTRY_URL: 'http://127.0.0.1:1' };
    expect(await one('registry-reachable', nobody)).toMatchObject({ verdict: 'failed' });
  });

  test('stopped, the slot is not read, and the fix is to resume', async () => {
    await the().connect('PUT', '/stop');
    await the().untilState('STOPPED');
    await the().untilSlotIsFree();
    const red = await report(['connector-tasks', 'slot-active']);
    expect(failedOf(red)).toEqual(['slot-active', 'connector-tasks']);
    for (const { fix } of red.checks) expect(fix).toContain('history-cdc connector resume');
  });

  test('a slot that somebody advanced past the stored offset: rows are lost, and only this says so', async () => {
    await the().owner.query(`UPDATE agent_test_history SET brief = 'nobody will see it'`);
    const dba = createPool({ url: the().database.superuserUrl, name: 'test', connections: 1 });
    await dba.query('SELECT pg_replication_slot_advance($1, pg_current_wal_lsn())', [the().name]);
    await dba.end();
    const red = await one('slot-position');
    expect(red).toMatchObject({ verdict: 'failed' });
    expect(red.evidence).toContain('the rows in between reach no topic');
    await the().connect('PUT', '/resume');
    await the().untilState('RUNNING');
  });

  test('a topic of the connector that was deleted', async () => {
    const { topics, cluster } = the();
    await cluster.deleteTopics([topics.signal]);
    await until('the topic is gone', async () => !(await cluster.listTopics()).includes(topics.signal));
    const red = await one('topics-exist');
    expect(red).toMatchObject({
      verdict: 'failed',
      evidence: expect.stringContaining(topics.signal) as string,
    });
  });

  test('a task that failed, with the reason', async () => {
    await the().connect('PUT', '/stop');
    await the().dropSlot();
    await the().owner.query(`UPDATE agent_test_history SET brief = 'nor this'`);
    await the().connect('PUT', '/resume');
    const red = await until('the task has failed', async () => {
      const found = await report(['slot-exists', 'connector-tasks']);
      return found.checks.some(({ evidence }) => evidence.includes('task 0 FAILED')) ? found : undefined;
    });
    expect(failedOf(red)).toContain('connector-tasks');
  });

  test('a Connect that is silent fails its own checks, in good time, and the rest is told all the same', async () => {
    unfreeze = await freezeServer('connect');
    const began = Date.now();
    const red = await report(['wal-level', 'kafka-reachable', 'connect-reachable', 'connect-version']);
    unfreeze();
    expect(Date.now() - began).toBeLessThan(60_000);
    expect(red.checks.map(({ id, verdict }) => `${id} ${verdict}`)).toEqual([
      'wal-level ok',
      'kafka-reachable ok',
      'connect-reachable failed',
      'connect-version unknown',
    ]);
  });
});
