import { expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { useDeployment } from './deployment.ts';

/*
 * What a connector gets over without a word, and the commands must not: each of these loses rows while Connect says
 * RUNNING, or would. One story, in its order.
 */

const ROWS = 5;
const the = useDeployment(ROWS);

test('a slot that was dropped and made again: nothing goes on, and the commands say why', async () => {
  expect((await the().connector(['sql', '--run'])).code).toBe(0);
  expect((await the().connector(['apply'])).code).toBe(0);

  await the().connect('PUT', '/stop');
  await the().dropSlot();
  await the().owner.query(`UPDATE agent_test_history SET brief = 'nobody saw it' WHERE scenario = 'large'`);
  const resume = await the().connector(['resume']);
  expect(resume.code).toBe(2);
  expect(resume.stderr).toMatch(/STREAM_BROKEN: [^]*- slot: there is no slot, Kafka Connect has stored /);

  // By whoever does not ask us.
  await the().connect('PUT', '/resume');
  await until('the task has failed', async () => {
    const { tasks } = await the().connect<{ tasks: { state: string }[] }>('GET', '/status');
    return tasks.some(({ state }) => state === 'FAILED');
  });
  const apply = await the().connector(['apply']);
  expect(apply.code).toBe(2);
  expect(apply.stderr).toContain('STREAM_BROKEN');
  expect(apply.stderr).toContain('history-cdc connector delete --forget-offsets');
  const status = await the().connector(['status']);
  expect(status.code).toBe(1);
  expect(status.stdout).toContain('connector-tasks: task 0 FAILED');
});

test('a data topic that is gone, of a connector that has worked before', async () => {
  const { data } = the().topics;
  await the().cluster.deleteTopics([data]);
  const { code, stderr } = await the().connector(['apply']);
  expect(code).toBe(2);
  expect(stderr).toContain(`TOPIC_MISSING: ${data} is gone`);
  expect(await the().cluster.listTopics()).not.toContain(data);
});

test('the way out: forgotten offsets bring a new snapshot', async () => {
  await the().connect('PUT', '/stop');
  await the().dropSlot();
  expect((await the().connector(['delete', '--forget-offsets'])).code).toBe(0);
  await the().deleteTopics();
  expect((await the().connector(['apply'])).code).toBe(0);
  expect(await the().records(the().topics.data)).toBe(ROWS + 1);
});

test('offsets of old, over which a new connector takes no snapshot', async () => {
  const { stdout, code } = await the().connector(['delete']);
  expect(code).toBe(0);
  expect(stdout).toContain(`the replication slot ${the().name}`);
  await the().untilSlotIsFree();
  expect((await the().connector(['status'])).stdout).toContain('ABSENT');
  await the().deleteTopics();

  const apply = await the().connector(['apply']);
  expect(apply.code).toBe(2);
  expect(apply.stderr).toContain('CONNECTOR_INCOMPLETE');
  expect((await the().connector(['status'])).code).toBe(1);
});
