import { setInterval } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import pg from 'pg';
import type { CheckResult } from '../../connectors/doctor/doctor.ts';
import { desiredConnector, type DesiredConfig } from '../../connectors/deploy/desired.ts';
import { loadConfig } from '../../consumers/lib/config.ts';
import { useDeployment } from '../connectors/deployment.ts';
import { Command } from '../support/command.ts';
import { dropSlot } from '../support/drop-slot.ts';
import { until } from '../support/until.ts';
import { resultOf, resultsOf } from './ask.ts';
import { carryOut, historyCdc, type Place, type Settings } from './carry-out.ts';
import { kafkaTools } from './kafka-tools.ts';
import { WRONG_SERVICES } from './real/services.ts';

/*
 * A deployment, broken thing by thing on the real servers, and each time mended by what doctor prints. One story, in its
 * order: what a fix changed, a setting among it, stays for the rest.
 */
const the = useDeployment(3);
let settings: Settings = {};
let dba: pg.Pool;
let projector: Command | undefined;

const place = (): Place => ({
  settings,
  superuserUrl: the().database.superuserUrl,
  tool: kafkaTools(the().cluster),
});

/** Each is red, in the order of the ids, and says so. */
async function red(expected: Readonly<Record<string, string>>): Promise<readonly CheckResult[]> {
  const results = await resultsOf(Object.keys(expected), settings);
  for (const { id, verdict, severity, evidence } of results) {
    expect(`${id} ${verdict}: ${evidence}`).toContain(expected[id]);
    expect(`${id} ${verdict}`).toBe(`${id} ${severity === 'error' ? 'failed' : 'warning'}`);
  }
  return Object.keys(expected).map((id) => results.find((result) => result.id === id) as CheckResult);
}

async function onlyRed(id: string, says: string): Promise<CheckResult> {
  const [result] = await red({ [id]: says });
  if (result === undefined) throw new Error('there is no answer');
  return result;
}

async function mend({ fix }: CheckResult): Promise<void> {
  settings = await carryOut(fix, place());
}

/** What a connector does takes a moment to be seen. */
async function green(...ids: readonly string[]): Promise<void> {
  let bad: string[] = [];
  await until('the checks are green', async () => {
    const results = await resultsOf(ids, settings);
    bad = results.flatMap(({ id, verdict, evidence }) =>
      verdict === 'ok' ? [] : [`${id} ${verdict}: ${evidence}`],
    );
    return bad.length === 0;
  }).catch(() => undefined);
  expect(bad).toEqual([]);
}

async function run(...args: string[]): Promise<void> {
  const { code, stderr } = await historyCdc(args, settings);
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
}

const topicSpecs = (...names: readonly string[]) =>
  desiredConnector(loadConfig(settings, undefined) as DesiredConfig).topics.filter(({ name }) =>
    names.includes(name),
  );

/** As somebody who makes a topic again that was deleted: it has another id, and nothing in it. */
async function emptied(...names: readonly string[]): Promise<void> {
  for (const name of names) await kafkaTools(the().cluster)('kafka-topics.sh', ['--delete', '--topic', name]);
  await the().cluster.createTopics(topicSpecs(...names));
}

async function stopped(): Promise<void> {
  await the().connect('PUT', '/stop');
  await the().untilState('STOPPED');
  await until('nobody reads the slot', async () => {
    const reads = 'SELECT FROM pg_replication_slots WHERE slot_name = $1 AND active';
    return (await dba.query(reads, [settings['SLOT_NAME']])).rowCount === 0;
  });
}

/** Ten MiB of WAL a second, or less. */
function startWriting(): { stop: () => Promise<void> } {
  const ended = new AbortController();
  const megabyte = "SELECT pg_logical_emit_message(false, 'test', repeat('x', 1048576))";
  const written = (async () => {
    for await (const _ of setInterval(100, undefined, { signal: ended.signal })) await dba.query(megabyte);
  })().catch((error: unknown) => {
    if (!ended.signal.aborted) throw error;
  });
  return {
    stop: async () => {
      ended.abort();
      await written;
    },
  };
}

beforeAll(async () => {
  ({ settings } = the());
  dba = new pg.Pool({ connectionString: the().database.superuserUrl, max: 2 });
  await run('connector', 'sql', '--run');
  await run('migrate');
});

afterAll(async () => {
  projector?.signal('SIGKILL');
  await projector?.ended;
  await the().connect('DELETE', '');
  await dropSlot((sql, values) => dba.query(sql, values), settings['SLOT_NAME'] ?? '');
  await dba.end();
});

test("slot-identity: a physical slot has our slot's name", async () => {
  await dba.query('SELECT pg_create_physical_replication_slot($1)', [the().name]);
  await mend(await onlyRed('slot-identity', 'it is physical'));
  expect(settings['SLOT_NAME']).not.toBe(the().name);
  await green('slot-identity', 'slot-exists', 'connector-exists');
  await run('project');
});

test.each(WRONG_SERVICES)('$id: $brokenBy', async ({ id, says, settings: wrong, mendedBy }) => {
  const bad = { ...settings, ...wrong(settings) };
  const result = await resultOf(id, bad);
  expect(result).toMatchObject({ verdict: 'failed', evidence: expect.stringContaining(says) as string });
  if (mendedBy !== undefined) expect(result.fix).toMatch(mendedBy);
  const mended =
    mendedBy === undefined ? settings : await carryOut(result.fix, { ...place(), settings: bad });
  expect(await resultOf(id, mended)).toMatchObject({ verdict: 'ok' });
});

test('a data topic with another retention, clean-up and message limit, at which the task fails', async () => {
  const bad = { 'cleanup.policy': 'compact', 'retention.ms': '1000000', 'max.message.bytes': '100' };
  await the().cluster.alterTopicConfig(the().topics.data, { ...bad, 'retention.bytes': '-1' });
  await the().owner.query(`UPDATE agent_test_history SET brief = 'too large' WHERE scenario <> 'large'`);
  await until('the task has failed', async () =>
    (await resultOf('connector-tasks', settings)).evidence.includes('task 0 FAILED'),
  );
  const results = await red({
    'topic-retention': 'retention.ms is 1000000',
    'topic-cleanup': 'cleanup.policy is compact',
    'topic-message-limit': 'max.message.bytes is 100',
    'connector-tasks': 'task 0 FAILED',
  });
  for (const result of results) await mend(result);
  await green(...results.map(({ id }) => id));
});

test('connector-drift: a setting that somebody changed in Kafka Connect', async () => {
  const config = await the().connect<Record<string, string>>('GET', '/config');
  await the().connect('PUT', '/config', { ...config, 'poll.interval.ms': '500' });
  await mend(await onlyRed('connector-drift', 'poll.interval.ms differs'));
  await green('connector-drift');
});

test('topics-exist: the topic of the heartbeats is deleted while the connector writes to it', async () => {
  await kafkaTools(the().cluster)('kafka-topics.sh', ['--delete', '--topic', the().topics.heartbeatTable]);
  await mend(await onlyRed('topics-exist', the().topics.heartbeatTable));
  await green('topics-exist', 'heartbeat-arrives');
});

test('stopped: the slot is not read, WAL piles up, and no heartbeat is written', async () => {
  await stopped();
  const slot = pg.escapeIdentifier(settings['SLOT_NAME'] ?? '');
  await carryOut(
    `psql "$OWNER_URL?replication=database" -c 'ALTER_REPLICATION_SLOT ${slot} (FAILOVER false);'`,
    place(),
  );
  await dba.query("UPDATE history_cdc_source.heartbeat SET beat = now() - interval '1 hour'");
  const writing = startWriting();
  const results = await red({
    'slot-active': 'nobody reads it',
    'connector-tasks': 'connector STOPPED',
    'heartbeat-written': '60 min ago',
    'wal-runway': 'the slot is given up in',
  });
  await writing.stop();
  for (const { fix } of results) expect(fix).toContain('history-cdc connector resume');
  const [first] = results;
  if (first !== undefined) await mend(first);
  // What was written are logical messages, which anybody may write: they are none of the connector's business.
  await green(...results.map(({ id }) => id), 'heartbeat-arrives');
});

test('slot-failover: the slot is not carried over to a standby', async () => {
  await mend(await onlyRed('slot-failover', 'failover = false'));
  await green('slot-failover', 'slot-active');
});

test('connector-exists: somebody deleted the connector', async () => {
  await the().connect('DELETE', '');
  await mend(await onlyRed('connector-exists', 'its slot or its topics are there'));
  await green('connector-exists', 'connector-tasks');
});

test('task-moves and heartbeat-arrives: RUNNING, and the heartbeat is not published', async () => {
  await stopped();
  await dba.query(`ALTER PUBLICATION ${the().name} DROP TABLE history_cdc_source.heartbeat`);
  await emptied(the().topics.heartbeatTable);
  await the().connect('PUT', '/resume');
  await until('the task runs', async () => (await resultOf('connector-tasks', settings)).verdict === 'ok');
  const [moves, arrives] = await red({
    'task-moves': 'RUNNING, and nothing comes through',
    'heartbeat-arrives': 'none ever came',
  });
  // The first line of the fix names the cause, which has a fix of its own.
  expect(moves?.fix).toMatch(/^history-cdc doctor --only publication,/);
  await mend(await onlyRed('publication', 'it lacks history_cdc_source.heartbeat'));
  if (moves !== undefined) await mend(moves);
  if (arrives !== undefined) await mend(arrives);
  await green('task-moves', 'heartbeat-arrives');
});

test('projector-moves: records wait, and nobody has projected for long', async () => {
  const before = await the().records(the().topics.data);
  await the().owner.query(`UPDATE agent_test_history SET brief = 'it waits' WHERE scenario <> 'large'`);
  await until('the records are there', async () => (await the().records(the().topics.data)) >= before + 3);
  await dba.query("UPDATE history_cdc.consumer_offset SET updated_at = now() - interval '10 minutes'");
  await mend(await onlyRed('projector-moves', 'last commit 10 min ago'));
  await green('projector-moves');
});

test('slot-position and gaps: somebody advanced the slot, and the rows in between are read again', async () => {
  await stopped();
  await the().owner.query(
    `UPDATE agent_test_history SET brief = 'nobody will see it' WHERE scenario <> 'large'`,
  );
  await dba.query('SELECT pg_replication_slot_advance($1, pg_current_wal_lsn())', [settings['SLOT_NAME']]);
  const position = await onlyRed('slot-position', 'the rows in between reach no topic');
  // The command refuses, as the fix says, and names the steps.
  const refusal = await carryOut(position.fix, place()).then(String, String);
  expect(refusal).toContain('STREAM_BROKEN');
  expect(await onlyRed('gaps', '(position) since ')).toMatchObject({
    fix: expect.stringMatching(/^history-cdc project /) as string,
  });
  const [accept = '', resume = ''] = [...refusal.matchAll(/`history-cdc ([^`]+)`/g)].map(
    ([, line = '']) => line,
  );
  expect({ accept, resume }).toEqual({
    accept: expect.stringMatching(/^project --accept-gap \d+$/) as string,
    resume: 'connector resume',
  });
  // It goes on for ever, and the re-read waits for what it projects.
  projector = Command.historyCdc(accept.split(' '), { ...settings, HTTP_PORT: '0' });
  await projector.logged('partitions assigned');
  await run(...resume.split(' '));
  await green('slot-position');
  await mend(await onlyRed('gaps', '(position) since '));
  await green('gaps');
  projector.signal('SIGTERM');
  expect((await projector.ended).code).toBe(0);
});

test('everything that takes a new topic with a whole snapshot', async () => {
  const { data, notifications } = the().topics;
  await dba.query('UPDATE history_cdc.consumer_offset SET next_offset = next_offset + 1000');
  await onlyRed('offsets-in-range', 'partition ');
  await stopped();
  await dba.query('SELECT pg_drop_replication_slot($1)', [settings['SLOT_NAME']]);
  await kafkaTools(the().cluster)('kafka-topics.sh', ['--delete', '--topic', data]);
  await onlyRed('topics-exist', 'the history in it is gone');
  await emptied(data, notifications);
  const [first, ...others] = await red({
    'slot-exists': 'there is no slot',
    'initial-snapshot': 'nothing says that it ever was',
    'topic-identity': 'it was deleted and made again',
  });
  for (const { fix } of others) expect(fix).toBe(first?.fix);
  if (first !== undefined) await mend(first);
  await green(
    'slot-exists',
    'topics-exist',
    'initial-snapshot',
    'topic-identity',
    'offsets-in-range',
    'gaps',
  );
  await green('projector-moves', 'task-moves');
});
