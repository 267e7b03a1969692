import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isOpen, type SnapshotRun } from '../../../operations/facts/snapshot-runs.ts';
import { startSnapshot } from '../../../operations/snapshot/start.ts';
import type { Scope } from '../../../operations/snapshot/scope.ts';
import { insertRuns, insertStory, seedOrganisations } from '../../support/application-rows.ts';
import { expectInvariants } from '../../support/invariants/check.ts';
import { usePipeline } from '../../support/pipeline.ts';
import { endServer, startServersAgain } from '../../support/servers.ts';
import { allStreamed, topicEvents } from '../../support/streamed.ts';
import { until } from '../../support/until.ts';
import { configured, useSession } from '../../snapshot/session.ts';

/*
 * What happens to a row while an incremental snapshot reads it. A chunk's SELECT waits inside its window for a lock that
 * the test holds, so that each change and each kill lies at a step that the test names. One story, in its order.
 */
const ROWS = 90;
const CHUNK = 30;
const pipeline = usePipeline({
  partitions: 2,
  seed: async (pool) => {
    await seedOrganisations(pool);
    await insertRuns(pool, 1, ROWS);
  },
});
const session = useSession(pipeline, CHUNK);

/** The lock that the chunk's SELECT asks for once its window is open; it waits, and has its snapshot already. */
const WINDOW = 7_260_403;
const inWindow: Scope = {
  kind: 'where',
  condition: `CASE WHEN EXISTS (SELECT FROM history_cdc_source.signal WHERE type = 'snapshot-window-open')
    THEN pg_advisory_xact_lock_shared(${String(WINDOW)}) IS NOT NULL ELSE true END`,
};
const WAITS = `
  SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename <> current_user
    AND wait_event = 'advisory' AND query LIKE '%agent_test_history%'`;

let keeper: pg.PoolClient;
beforeAll(async () => {
  keeper = await pipeline().pool.connect();
  await pipeline().project();
});
afterAll(() => {
  keeper.release(true);
});
const shut = () => keeper.query('SELECT pg_advisory_lock($1)', [WINDOW]);
const open = () => keeper.query('SELECT pg_advisory_unlock($1)', [WINDOW]);

async function begin(scope: Scope): Promise<SnapshotRun> {
  const answer = await startSnapshot(session(), { scope, timeoutMs: 60_000, again: 'start again' });
  if (answer.kind !== 'answered') throw new Error(answer.diagnosis.why.join('; '));
  return answer.run;
}

const known = (id: string) =>
  session()
    .observer.current()
    .history.runs.find((run) => run.id === id);

async function ended({ id }: Pick<SnapshotRun, 'id'>): Promise<SnapshotRun> {
  return await until(
    `the snapshot ${id} ends`,
    () => {
      const run = known(id);
      return run !== undefined && !isOpen(run) && run;
    },
    120_000,
  );
}

/** The process of the connector's session that waits in a chunk. */
async function waitingInWindow(): Promise<number> {
  return await until('a chunk waits inside its window', async () => {
    const [waiting] = await pipeline().asDba<{ pid: number }>(WAITS);
    return waiting?.pid;
  });
}

/** Ids of rows by their keys, which is the order in which chunks read them. */
async function idsFrom(first: number, count: number): Promise<string[]> {
  const rows = await pipeline().query<{ id: string }>(
    'SELECT id FROM agent_test_history ORDER BY id OFFSET $1 LIMIT $2',
    [first, count],
  );
  return rows.map(({ id }) => id);
}

const change = (
  client: { query(sql: string, values: unknown[]): Promise<unknown> },
  ids: readonly string[],
  what: string,
) =>
  client.query(
    'UPDATE agent_test_history SET summary = $2, steps_passed = steps_passed + 1 WHERE id = ANY ($1::uuid[])',
    [ids, what],
  );
const remove = (
  client: { query(sql: string, values: unknown[]): Promise<unknown> },
  ids: readonly string[],
) => client.query('DELETE FROM agent_test_history WHERE id = ANY ($1::uuid[])', [ids]);

/** A run whose legacy row goes keeps its canonical row. */
const keepRunsOf = (ids: readonly string[]) =>
  pipeline().query(
    'INSERT INTO oracle.kept_run SELECT * FROM oracle.expected_run WHERE legacy_id = ANY ($1::uuid[])',
    [ids],
  );

async function opsAfter(count: number, id: string): Promise<string> {
  const events = (await topicEvents(pipeline())).filter((event) => event.id === id);
  return events
    .slice(count)
    .map(({ op }) => op)
    .join('');
}

test('F20: a transaction is open over the whole snapshot, and commits behind it: its update is applied over the row that was read', async () => {
  const [updated = '', deleted = ''] = await idsFrom(5, 2);
  await keepRunsOf([deleted]);
  const client = await pipeline().pool.connect();
  await client.query('BEGIN');
  await change(client, [updated], 'written before the chunk, committed behind it');
  await remove(client, [deleted]);
  expect(await ended(await begin({ kind: 'table' }))).toMatchObject({ state: 'succeeded' });
  await client.query('COMMIT');
  client.release();
  await allStreamed(pipeline());
  expect([await opsAfter(1, updated), await opsAfter(1, deleted)]).toEqual(['ru', 'rd']);
  await expectInvariants(pipeline());
});

test('F34: rows change while the chunk that reads them waits inside its window: what was read before is dropped', async () => {
  await shut();
  const run = await begin(inWindow);
  await waitingInWindow();
  const [first = '', second = '', third = ''] = await idsFrom(0, 3);
  await keepRunsOf([second]);
  await change(pipeline().pool, [first], 'written inside the window');
  await remove(pipeline().pool, [second]);
  const before = new Map<string, number>();
  for (const event of await topicEvents(pipeline())) before.set(event.id, (before.get(event.id) ?? 0) + 1);
  await insertStory(pipeline().pool, {
    id: '00000000-0000-4000-8000-00000000f034',
    summary: 'inside the window',
  });
  await open();
  expect(await ended(run)).toMatchObject({ state: 'succeeded' });
  await allStreamed(pipeline());
  const events = await topicEvents(pipeline());
  const since = (id: string) =>
    events
      .filter((event) => event.id === id)
      .slice(-2)
      .map(({ op }) => op)
      .join('');
  // A row that did not change comes as it was read; of one that changed, the read is dropped.
  expect(since(third)).toMatch(/r$/);
  expect(since(first)).toMatch(/u$/);
  expect(since(second)).toMatch(/d$/);
  await expectInvariants(pipeline());
});

const atItsWindow = async (): Promise<void> => {
  await waitingInWindow();
};
const betweenChunks = async (): Promise<void> => {
  await waitingInWindow();
  const before = await pipeline().records();
  await open();
  await until('a chunk is in the topic', async () => (await pipeline().records()) > before + 1);
  await shut();
};

test.each([
  { place: 'waits inside its window', step: atItsWindow },
  { place: 'is between two chunks', step: betweenChunks },
])('F34: Kafka Connect is killed while the snapshot $place: it goes on to its end', async ({ step }) => {
  await shut();
  const run = await begin(inWindow);
  await step();
  const [first = '', second = ''] = await idsFrom(10, 2);
  await keepRunsOf([second]);
  await change(pipeline().pool, [first], 'written before the kill');
  await endServer('connect', 'SIGKILL');
  await remove(pipeline().pool, [second]);
  await open();
  await startServersAgain();
  expect(await ended(run)).toMatchObject({ state: 'succeeded' });
  await allStreamed(pipeline());
  await expectInvariants(pipeline());
});

test('F33: the query of a chunk is cancelled: the snapshot is not called a success, and the next one reads everything', async () => {
  await shut();
  const run = await begin(inWindow);
  const pid = await waitingInWindow();
  await pipeline().asDba('SELECT pg_cancel_backend($1)', [pid]);
  await until('the chunk no longer waits', async () => {
    const rows = await pipeline().asDba<{ pid: number }>(WAITS);
    return rows.every((row) => row.pid !== pid);
  });
  await open();
  const over = await ended(run);
  expect(over).toMatchObject({ id: run.id });
  expect(over.state).not.toBe('succeeded');
  await configured(pipeline(), {});
  expect(await ended(await begin({ kind: 'table' }))).toMatchObject({ state: 'succeeded' });
  await allStreamed(pipeline());
  await expectInvariants(pipeline());
});
