import { expect, test } from 'vitest';
import { listActions } from '../../consumers/agent-test-history/batch/actions.ts';
import { topicNames } from '../../lib/names.ts';
import { insertRuns, seedOrganisations } from '../support/application-rows.ts';
import { accountingErrors, differences } from '../support/canonical.ts';
import { usePipeline } from '../support/pipeline.ts';
import { rawRecord } from '../support/records.ts';
import { beginTransaction, transact } from '../support/transactions.ts';
import { until } from '../support/until.ts';
import { expectInvariants } from '../support/invariants/check.ts';

const pipeline = usePipeline({
  converter: 'json',
  partitions: 2,
  seed: async (pool) => {
    await seedOrganisations(pool);
    await insertRuns(pool, 1, 40);
  },
});

const tombstone = (n: number, partition: number) => {
  const { key } = rawRecord(`30000000-0000-4000-8000-${String(n).padStart(12, '0')}`, {});
  return { key, value: null, partition };
};
const both = (n: number) => [tombstone(n, 0), tombstone(n, 1)];

interface Ends {
  readonly stored: readonly bigint[];
  readonly high: readonly bigint[];
}

async function ends(): Promise<Ends> {
  const marks = await pipeline().cluster.watermarks(pipeline().topic);
  const rows = await pipeline().query<{ next_offset: string }>(
    'SELECT next_offset FROM history_cdc.consumer_offset ORDER BY partition',
  );
  return {
    stored: rows.map(({ next_offset }) => BigInt(next_offset)),
    high: [...marks].sort(([a], [b]) => a - b).map(([, { high }]) => high),
  };
}

/** Every reader comes to the end, and the stored offsets are the ends of the topic. */
async function expectAtTheEnd(): Promise<void> {
  expect((await pipeline().project()).records.quarantined).toBe(0);
  const { stored, high } = await ends();
  expect(stored).toEqual(high);
  expect((await pipeline().facts(['replay'])).changes.total).toBe(0);
  expect(await pipeline().facts(['project', '--dry-run'])).toMatchObject({ read: 0 });
  expect(await differences(pipeline())).toEqual([]);
  expect(await accountingErrors(pipeline())).toEqual([]);
}

test('the topic ends with markers of commits: every reader comes to the end', async () => {
  await transact(pipeline(), 'commit', { messages: both(1) });
  await expectAtTheEnd();
});

test('nothing but an aborted transaction is new: the stored offsets move, and its records are nobody’s', async () => {
  const before = await ends();
  await transact(pipeline(), 'abort', { messages: [...both(2), ...both(3)] });
  const { lag } = JSON.parse((await pipeline().run(['status', '--json'])).stdout) as { lag: object };
  expect(lag).toMatchObject({ records: 0, seconds: 0 });
  expect((await pipeline().project()).read).toBe(0);
  const { stored, high } = await ends();
  expect(high).toEqual(before.high.map((end) => end + 3n));
  expect(stored).toEqual(high);
  await expectInvariants(pipeline());
});

test('a running projector goes past markers, and an open transaction is no end', async () => {
  const projector = pipeline().start(['project']);
  await projector.logged('partitions assigned');
  const open = await beginTransaction(pipeline(), both(4));
  await insertRuns(pipeline().pool, 41, 60);
  const held = await ends();
  expect(held.stored.every((stored, partition) => stored < (held.high[partition] ?? 0n))).toBe(true);
  await open.abort();
  await until('the projector is at the ends', async () => {
    const { stored, high } = await ends();
    return stored.join() === high.join() && high.join() !== held.high.join();
  });
  projector.signal('SIGTERM');
  expect(await projector.ended).toMatchObject({ code: 0 });
});

test('a record of 9 MB behind a marker is read', async () => {
  const { key } = tombstone(5, 1);
  await transact(pipeline(), 'commit', { messages: both(6) });
  const value = Buffer.from(
    JSON.stringify({
      op: 'd',
      source: { snapshot: 'false', lsn: 1, ts_ms: 1 },
      before: null,
      after: null,
      filler: 'x'.repeat(9_000_000),
    }),
  );
  await pipeline().produce([{ key, value, partition: 1 }]);
  await pipeline().project();
  const { stored, high } = await ends();
  expect(stored).toEqual(high);
});

test('heartbeat and notifications end with markers: connector, snapshot, status and explain see their last records', async () => {
  const names = topicNames(pipeline().config);
  for (const topic of [names.heartbeatTable, names.notifications])
    await transact(pipeline(), 'abort', { topic, messages: [tombstone(7, 0)] });
  expect(await pipeline().run(['connector', 'status'])).toMatchObject({ code: 0 });
  expect(await pipeline().run(['connector', 'apply'])).toMatchObject({ code: 0 });
  expect(await pipeline().run(['snapshot', 'status'])).toMatchObject({ code: 0 });
  await pipeline().asDba(`GRANT USAGE ON SCHEMA history_cdc_source TO app;
    GRANT SELECT, INSERT ON history_cdc_source.signal TO app; GRANT SELECT ON history_cdc_source.heartbeat TO app`);
  expect(await pipeline().run(['snapshot', 'start'])).toMatchObject({ code: 0 });
  expect(await listActions(pipeline().pool, 1)).toMatchObject([{ command: 'snapshot start', options: [] }]);
  const [row] = await pipeline().query<{ id: string }>('SELECT id FROM agent_test_history LIMIT 1');
  const explained = await pipeline().run(['explain', row?.id ?? '', '--json']);
  const { events } = JSON.parse(explained.stdout) as { events: readonly unknown[] };
  expect(events[0]).toMatchObject({ passed: true });
});
