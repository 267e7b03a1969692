import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { useDeployment } from '../connectors/deployment.ts';
import { Command } from '../support/command.ts';
import { until } from '../support/until.ts';
import { resultOf } from './ask.ts';
import { BrokenDeployment } from './broken-deployment.ts';
import { carryOut } from './carry-out.ts';
import { WRONG_SERVICES } from './real/services.ts';

/*
 * A deployment, broken thing by thing on the real servers, and each time mended by what doctor prints. One story, in its
 * order: what a fix changed, a setting among it, stays for the rest.
 */
const the = useDeployment(3);
let broken: BrokenDeployment;
let projector: Command | undefined;

beforeAll(async () => {
  broken = new BrokenDeployment(the());
  await broken.run('connector', 'sql', '--run');
  await broken.run('migrate');
});

afterAll(async () => {
  projector?.signal('SIGKILL');
  await projector?.ended;
  await broken.remove();
});

test("slot-identity: a physical slot has our slot's name", async () => {
  await broken.dba.query('SELECT pg_create_physical_replication_slot($1)', [the().name]);
  await broken.mend(await broken.onlyRed('slot-identity', 'it is physical'));
  expect(broken.slot).not.toBe(the().name);
  await broken.green('slot-identity', 'slot-exists', 'connector-exists');
  await broken.run('project');
});

test.each(WRONG_SERVICES)('$id: $brokenBy', async ({ id, says, settings: wrong, mendedBy }) => {
  const bad = { ...broken.settings, ...wrong(broken.settings) };
  const result = await resultOf(id, bad);
  expect(result).toMatchObject({ verdict: 'failed', evidence: expect.stringContaining(says) as string });
  if (mendedBy !== undefined) expect(result.fix).toMatch(mendedBy);
  const mended =
    mendedBy === undefined ? broken.settings : await carryOut(result.fix, { ...broken.place, settings: bad });
  expect(await resultOf(id, mended)).toMatchObject({ verdict: 'ok' });
});

test('registry-schemas: the registry has lost the schema of the records', async () => {
  const subject = `${broken.settings['SCHEMA_REGISTRY_URL'] ?? ''}/subjects/${the().topics.data}-value`;
  const ask = async (path: string, method = 'GET', body?: unknown) => {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${subject}${path}`, {
      method,
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    expect(`${method} ${path} ${String(response.status)}`).toBe(`${method} ${path} 200`);
    return (await response.json()) as { readonly id: number; readonly schema: string };
  };
  const { id, schema } = await ask('/versions/latest');
  await ask('', 'DELETE');
  expect((await broken.onlyRed('registry-schemas', 'the registry has lost its schemas')).fix).toMatch(
    /^restore it/,
  );
  // As from a backup: what records refer to is the id.
  expect(await ask('/versions', 'POST', { schema })).toMatchObject({ id });
  await broken.green('registry-schemas');
});

test('a data topic with another retention, clean-up and message limit, at which the task fails', async () => {
  const bad = {
    'compression.type': 'zstd',
    'cleanup.policy': 'compact',
    'retention.ms': '1000000',
    'max.message.bytes': '100',
  };
  await the().cluster.alterTopicConfig(the().topics.data, { ...bad, 'retention.bytes': '-1' });
  await the().owner.query(`UPDATE agent_test_history SET brief = 'too large' WHERE scenario <> 'large'`);
  await until('the task has failed', async () =>
    (await resultOf('connector-tasks', broken.settings)).evidence.includes('task 0 FAILED'),
  );
  const results = await broken.red({
    'topic-settings': 'max.message.bytes is 100',
    'connector-tasks': 'task 0 FAILED',
  });
  for (const [what, value] of Object.entries(bad))
    expect(results[0]?.evidence).toContain(`${what} is ${value}`);
  for (const result of results) await broken.mend(result);
  await broken.green(...results.map(({ id }) => id));
});

test('connector-drift: a setting that somebody changed in Kafka Connect', async () => {
  const config = await the().connect<Record<string, string>>('GET', '/config');
  await the().connect('PUT', '/config', { ...config, 'poll.interval.ms': '500' });
  await broken.mend(await broken.onlyRed('connector-drift', 'poll.interval.ms differs'));
  await broken.green('connector-drift');
});

test('topics-exist: the topic of the heartbeats is deleted while the connector writes to it', async () => {
  await broken.delete(the().topics.heartbeatTable);
  // What it has in hand then is a record of that topic.
  const began = await broken.heartbeats();
  await until('a heartbeat is written', async () => (await broken.heartbeats()) > began);
  await broken.mend(await broken.onlyRed('topics-exist', the().topics.heartbeatTable));
  await broken.green('topics-exist', 'heartbeat-arrives');
});

test("topic-settings: the heartbeats' topic was made with two", async () => {
  const { heartbeatTable } = the().topics;
  await broken.delete(heartbeatTable);
  await the().cluster.createTopics([{ name: heartbeatTable, partitions: 2, replication: 1, config: {} }]);
  await broken.mend(await broken.onlyRed('topic-settings', `${heartbeatTable}: partitions is 2, must be 1`));
  await broken.green('topic-settings', 'heartbeat-arrives');
});

test('stopped: the slot is not read, WAL piles up, and no heartbeat is written', async () => {
  await broken.stop();
  const slot = pg.escapeIdentifier(broken.slot);
  await carryOut(
    `psql "$OWNER_URL?replication=database" -c 'ALTER_REPLICATION_SLOT ${slot} (FAILOVER false);'`,
    broken.place,
  );
  await broken.dba.query("UPDATE history_cdc_source.heartbeat SET beat = now() - interval '1 hour'");
  const results = await broken.whileWalGrows(() =>
    broken.red({
      'slot-active': 'nobody reads it',
      'connector-tasks': 'connector STOPPED',
      'heartbeat-written': '60 min ago',
      'wal-runway': 'the slot is given up in',
    }),
  );
  for (const { fix } of results) expect(fix).toContain('history-cdc connector resume');
  const [first] = results;
  if (first !== undefined) await broken.mend(first);
  // What was written are logical messages, which anybody may write: they are none of the connector's business.
  await broken.green(...results.map(({ id }) => id), 'heartbeat-arrives');
});

test('slot-failover: the slot is not carried over to a standby', async () => {
  await broken.mend(await broken.onlyRed('slot-failover', 'failover = false'));
  await broken.green('slot-failover', 'slot-active');
});

test('connector-exists: somebody deleted the connector', async () => {
  await the().connect('DELETE', '');
  await broken.mend(await broken.onlyRed('connector-exists', 'its slot or its topics are there'));
  await broken.green('connector-exists', 'connector-tasks');
});

test('heartbeat-arrives: connector and task say RUNNING, and the heartbeat is not published', async () => {
  await broken.stop();
  await broken.dba.query(`ALTER PUBLICATION ${the().name} DROP TABLE history_cdc_source.heartbeat`);
  await broken.emptied(the().topics.heartbeatTable);
  await the().connect('PUT', '/resume');
  await until(
    'the task runs',
    async () => (await resultOf('connector-tasks', broken.settings)).verdict === 'ok',
  );
  const arrives = await broken.onlyRed('heartbeat-arrives', 'no heartbeat ever came');
  // The first line of the fix names the cause, which has a fix of its own.
  expect(arrives.fix).toMatch(/^history-cdc doctor --only [a-z,-]*\bpublication,/);
  await broken.mend(await broken.onlyRed('publication', 'it lacks history_cdc_source.heartbeat'));
  await broken.mend(arrives);
  await broken.green('heartbeat-arrives');
});

test('projector-moves: records wait, and nobody has projected for long', async () => {
  const before = await the().records(the().topics.data);
  await the().owner.query(`UPDATE agent_test_history SET brief = 'it waits' WHERE scenario <> 'large'`);
  await until('the records are there', async () => (await the().records(the().topics.data)) >= before + 3);
  await broken.dba.query("UPDATE history_cdc.consumer_offset SET updated_at = now() - interval '10 minutes'");
  await broken.mend(await broken.onlyRed('projector-moves', 'for 10 min, and the topic ends at'));
  await broken.green('projector-moves');
});

test('continuity: somebody advanced the slot, and the rows in between are read again', async () => {
  await broken.stop();
  await the().owner.query(
    `UPDATE agent_test_history SET brief = 'nobody will see it' WHERE scenario <> 'large'`,
  );
  await broken.dba.query('SELECT pg_replication_slot_advance($1, pg_current_wal_lsn())', [broken.slot]);
  // `connector resume` would be refused: it is not proposed.
  const [continuity, tasks, active] = await broken.red({
    continuity: 'position: ',
    'connector-tasks': 'connector STOPPED',
    'slot-active': 'nobody reads it',
  });
  expect([tasks?.fix, active?.fix]).toEqual([continuity?.fix, continuity?.fix]);
  // Nobody has recorded the gap yet: the command does, and prints the steps.
  const refusal = await carryOut(continuity?.fix ?? '', broken.place).then(String, String);
  expect(refusal).toContain('STREAM_BROKEN');
  const open = await broken.onlyRed('continuity', 'gap ');
  for (const step of (open.fix ?? '').split('\n')) expect(refusal).toContain(step);
  await broken.mend(open, (args) => {
    projector = Command.historyCdc(args, { ...broken.settings, HTTP_PORT: '0' });
  });
  await broken.green('continuity', 'connector-tasks', 'slot-active');
  projector?.signal('SIGTERM');
  expect((await projector?.ended)?.code).toBe(0);
});

test('everything that takes a new topic with a whole snapshot', async () => {
  const { data, notifications } = the().topics;
  await broken.dba.query('UPDATE history_cdc.consumer_offset SET next_offset = next_offset + 1000');
  await broken.onlyRed('offsets-in-range', 'partition ');
  await broken.stop();
  await broken.dba.query('SELECT pg_drop_replication_slot($1)', [broken.slot]);
  await broken.delete(data);
  await broken.onlyRed('topics-exist', 'the history in it is gone');
  await broken.emptied(data, notifications);
  const [first, ...others] = await broken.red({
    'slot-exists': 'there is no slot',
    'initial-snapshot': 'nothing says that it ever was',
    'topic-identity': 'it was deleted and made again',
  });
  for (const { fix } of others) expect(fix).toBe(first?.fix);
  if (first !== undefined) await broken.mend(first);
  await broken.green(
    'slot-exists',
    'topics-exist',
    'initial-snapshot',
    'topic-identity',
    'offsets-in-range',
    'continuity',
  );
  await broken.green('projector-moves', 'heartbeat-arrives');
});
