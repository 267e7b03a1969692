import { expect, test } from 'vitest';
import { listActions } from '../../consumers/agent-test-history/batch/actions.ts';
import { insertRuns, seedOrganisations } from '../support/application-rows.ts';
import { contentHash, differences } from '../support/canonical.ts';
import { forgetProjection, storedRecords } from '../support/faults.ts';
import { usePipeline } from '../support/pipeline.ts';
import { deleteRecordsBefore } from '../support/topic-records.ts';
import { expectInvariants } from '../support/invariants/check.ts';

const pipeline = usePipeline({
  seed: async (pool) => {
    await seedOrganisations(pool);
    await insertRuns(pool, 1, 120);
  },
});

/** Runs a projector that cannot go on, and gives what it says. */
async function refusal(args: readonly string[] = []): Promise<string> {
  const { code, stdout, stderr } = await pipeline().run(['project', '--until-caught-up', ...args]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  return stderr;
}

async function expectAllProjectedOnce(): Promise<void> {
  await expectInvariants(pipeline());
  expect(await pipeline().project()).toMatchObject({ read: 0, changes: { total: 0 } });
  expect((await pipeline().facts(['replay'])).changes.total).toBe(0);
}

test('a stored offset beyond the end of the topic: it stops', async () => {
  await pipeline().project();
  const stored = await contentHash(pipeline());
  await pipeline().query('UPDATE history_cdc.consumer_offset SET next_offset = next_offset + 1000');
  expect(await refusal()).toMatch(
    /^error OFFSET_OUT_OF_RANGE: the next offset of .*, partition \d, is \d+, and the topic holds offsets 0 to \d+$/m,
  );
  await pipeline().query('UPDATE history_cdc.consumer_offset SET next_offset = next_offset - 1000');
  expect(await contentHash(pipeline())).toBe(stored);
});

test('records deleted before they were read: a running projector stops, and a new one does not go past the gap', async () => {
  const projector = pipeline().start(['project']);
  await projector.logged('partitions assigned');
  projector.signal('SIGSTOP');
  await insertRuns(pipeline().pool, 121, 160);
  await pipeline().delivered();
  const watermarks = await pipeline().cluster.watermarks(pipeline().topic);
  await deleteRecordsBefore(
    pipeline(),
    new Map([...watermarks].map(([partition, { high }]) => [partition, high])),
  );
  projector.signal('SIGCONT');
  await insertRuns(pipeline().pool, 161, 200);

  const { code, stderr } = await projector.ended;
  expect(code).toBe(2);
  expect(stderr).toMatch(/^error OFFSET_OUT_OF_RANGE: .*, and the topic holds offsets [1-9]\d* to \d+$/m);
  expect(stderr).toMatch(/way out: .*`history-cdc project --accept-new-topic`$/m);
  await pipeline().delivered();
  expect(await refusal()).toContain('error OFFSET_OUT_OF_RANGE');
  // What was projected before stays; of what came behind the gap, nothing is.
  expect(await storedRecords(pipeline())).toBe(120);
});

test('a topic that was made again: it stops, until a person says that it begins with a whole snapshot', async () => {
  const idsBefore = await ids();
  await pipeline().forgetStream();
  await pipeline().apply();
  const stderr = await refusal();
  expect(stderr).toMatch(/^error TOPIC_RECREATED: /m);
  expect(stderr).toContain('`history-cdc project --accept-new-topic`');

  const facts = await pipeline().project({}, ['--accept-new-topic']);
  expect(facts.records).toEqual({ applied: 200, duplicate: 0, stale: 0, tombstone: 0, quarantined: 0 });
  expect(await ids()).toEqual(expect.arrayContaining(idsBefore));
  await expectAllProjectedOnce();
});

async function ids(): Promise<string[]> {
  return (await pipeline().query<{ id: string }>('SELECT id FROM agent_compliance_runs ORDER BY id')).map(
    ({ id }) => id,
  );
}

test('the legacy table was truncated: it stops, until a person accepts that very truncate', async () => {
  await insertRuns(pipeline().pool, 201, 220);
  await pipeline().query('INSERT INTO oracle.kept_run SELECT * FROM oracle.expected_run');
  await pipeline().query('TRUNCATE agent_test_history');
  await insertRuns(pipeline().pool, 221, 240);
  await pipeline().delivered();

  const stderr = await refusal();
  expect(stderr).toMatch(/^error SOURCE_TRUNCATED: agent_test_history was truncated/m);
  const position = /--accept-truncate (\d+:\d+)/.exec(stderr)?.[1] ?? 'none named';
  expect(await refusal(['--accept-truncate', '9:9'])).toContain(`--accept-truncate ${position}`);
  const [partition, offset] = position.split(':').map(Number);
  const [stored] = await pipeline().query<{ next_offset: string }>(
    `SELECT next_offset FROM history_cdc.consumer_offset WHERE partition = ${String(partition)} ORDER BY updated_at DESC LIMIT 1`,
  );
  expect(Number(stored?.next_offset), 'nothing has gone past the truncate').toBeLessThanOrEqual(offset ?? -1);

  await pipeline().project({}, ['--accept-truncate', position]);
  expect(await differences(pipeline())).toEqual([]);
  expect(await pipeline().project()).toMatchObject({ read: 0 });
  const replay = await pipeline().facts(['replay']);
  // The truncate itself is passed over.
  expect(replay).toMatchObject({ read: (await pipeline().records()) - 1, changes: { total: 0 } });
  const done = (await listActions(pipeline().pool, 100)).map(({ command, options }) => [command, options]);
  expect(done.slice(0, 3)).toEqual([
    ['replay', []],
    ['project', [`--accept-truncate ${position}`]],
    // What was refused had been asked for.
    ['project', ['--accept-truncate 9:9']],
  ]);
  expect(done).toContainEqual(['project', ['--accept-new-topic']]);

  // What it took is told by its position in the log: before the rows that came afterwards, in whatever partition.
  const reconciled = await pipeline().run(['reconcile', '--json', '--settle-seconds', '20']);
  expect(reconciled).toMatchObject({ code: 0 });
  const kinds = (JSON.parse(reconciled.stdout) as { kinds: { kind: string; confirmed: number }[] }).kinds;
  expect(kinds).toMatchObject([{ kind: 'truncated', confirmed: 220 }]);
});

test('the beginning of the topic is gone and nothing was projected yet: it does not begin in the middle', async () => {
  await forgetProjection(pipeline());
  await deleteRecordsBefore(pipeline(), new Map([[1, 3n]]));
  expect(await refusal()).toMatch(/^error TOPIC_TRUNCATED: the beginning of .*, partition 1, was deleted/m);
});

test('partitions were added, and then the topic is gone: it stops and says which', async () => {
  await pipeline().admin.createPartitions({ topicPartitions: [{ topic: pipeline().topic, count: 5 }] });
  expect(await refusal()).toMatch(/^error PARTITIONS_CHANGED: .* had 4 partitions and has 5/m);
  await pipeline().deleteTopics();
  expect(await refusal()).toMatch(/^error TOPIC_MISSING: /m);
});
