import { expect, test } from 'vitest';
import {
  aRow,
  COMMITTED_AT_MS,
  inserted,
  snapshotOf,
  type Message,
  type RowValues,
} from '../support/records.ts';
import { TOPIC_ID } from '../support/run-records.ts';
import { swept } from '../support/swept.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();

/** A twin, and the topic has one partition more that somebody has projected until then. */
async function twinBeside(message: (row: RowValues) => Message, otherUntil: string) {
  const owner = await world().owner();
  const row = aRow({ agent_context_id: owner.context, user_id: owner.user });
  await world().live({ agent_url: owner.url });
  await world().project([message(row)]);
  await world().execute('UPDATE history_cdc.topic SET partitions = 2');
  await world().execute(
    `INSERT INTO history_cdc.consumer_offset (topic_id, partition, next_offset, epoch, projector, streamed_until)
     VALUES ($1, 1, 0, 1, 'another', $2)`,
    ...[TOPIC_ID, otherUntil],
  );
  return row;
}

test.each([
  ['is settled by the partition that lags: not yet', '2026-03-04T05:06:08Z', 0],
  ['is settled once that one is beyond its time', '2026-03-04T05:19:00Z', 1],
])('a pair %s', async (_, otherUntil, settled) => {
  const row = await twinBeside(inserted, otherUntil);
  expect(await swept(world().pool)).toMatchObject({ settled });
  expect(await world().ledger(row.id)).toMatchObject({ decision: 'twin' });
});

test('a snapshot, which comes in the order of the table, settles nothing however late it was read', async () => {
  const row = await twinBeside(snapshotOf, new Date(COMMITTED_AT_MS).toISOString());
  const { rows } = await world().pool.query(
    'SELECT partition, streamed_until FROM history_cdc.consumer_offset WHERE partition = 0',
  );
  expect(rows).toEqual([{ partition: 0, streamed_until: null }]);
  expect(await swept(world().pool)).toMatchObject({ settled: 0 });
  expect(await world().ledger(row.id)).toMatchObject({ decision: 'twin' });
});

test.each([
  ['before every partition has streamed beyond it', 2, '2026-03-04T06:00:00Z'],
  ['a microsecond too early', 1, '2026-03-04T05:18:07.000000Z'],
])('nothing is settled %s', async (_when, partitions, until) => {
  const owner = await world().owner();
  const row = aRow({
    agent_context_id: owner.context,
    user_id: owner.user,
    started_at: '2026-03-04T05:06:07Z',
  });
  await world().live({ agent_url: owner.url });
  await world().project([inserted(row)]);
  await world().execute('UPDATE history_cdc.topic SET partitions = $1', partitions);
  await world().execute('UPDATE history_cdc.consumer_offset SET streamed_until = $1', until);
  expect(await swept(world().pool)).toMatchObject({ settled: 0 });
  expect(await world().ledger(row.id)).toMatchObject({ decision: 'twin' });
});
