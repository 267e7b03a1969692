import { expect, test } from 'vitest';
import { readProjection } from '../../operations/facts/canonical.ts';
import { readLaterOffsets, standingPartitions } from '../../operations/facts/standing.ts';
import { advance } from '../../consumers/agent-test-history/batch/offsets.ts';
import { usePartitions } from '../support/partitions.ts';
import { TOPIC_ID } from '../support/run-records.ts';

const topic = usePartitions();
const HOUR_AGO = `UPDATE history_cdc.consumer_offset SET updated_at = clock_timestamp() - interval '1 hour'`;
const dataTopic = {
  topicId: TOPIC_ID,
  partitions: 4,
  marks: new Map([0, 1].map((partition) => [partition, { low: 0n, high: 9n }])),
};
const known = <T>(value: T) => ({ known: true, value }) as const;
const offsets = async () => (await readProjection(topic().pool)).offsets;
const batch = null;

test('a projector that claims a partition and ends, again and again, does not make it look as if it moved', async () => {
  await topic().claim('pod:1');
  await topic().pool.query(HOUR_AGO);
  await topic().claim('pod:2');
  const { claim } = await topic().claim('pod:3');
  const standing = standingPartitions(dataTopic, await offsets()).filter(({ partition }) => partition === 0);
  expect(standing).toMatchObject([{ nextOffset: 0n, end: 9n, projector: 'pod:3' }]);
  expect(standing[0]?.seconds).toBeGreaterThan(3_500);
  await advance(topic().pool, { claim, from: 0n, to: 5n, batch, streamedUntil: null });
  const [moved] = await offsets();
  expect(moved).toMatchObject({ nextOffset: '5', projector: 'pod:3' });
  expect(moved?.secondsAgo).toBeLessThan(60);
});

test('the second look waits for an idle partition that moves, and finds the one that does not', async () => {
  await topic().claim('pod:1', 0);
  const { claim } = await topic().claim('pod:1', 1);
  await topic().pool.query(HOUR_AGO);
  const projection = await readProjection(topic().pool);
  expect(standingPartitions(dataTopic, projection.offsets)).toHaveLength(2);
  const looking = readLaterOffsets(topic().pool, known(projection), known(dataTopic));
  await advance(topic().pool, { claim, from: 0n, to: 9n, batch, streamedUntil: null });
  const standing = standingPartitions(dataTopic, projection.offsets, await looking);
  expect(standing.map(({ partition }) => partition)).toEqual([0]);
});
