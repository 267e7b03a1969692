import { beforeAll, expect, test } from 'vitest';
import { insertRuns, seedOrganisations } from '../../support/application-rows.ts';
import { expectInvariants } from '../../support/invariants/check.ts';
import { groupViolations } from '../../support/invariants/stream.ts';
import { usePipeline } from '../../support/pipeline.ts';

/*
 * The offsets that Kafka keeps for the group, changed behind our back. One story, in its order.
 */
const ROWS = 40;
const pipeline = usePipeline({
  partitions: 2,
  seed: async (pool) => {
    await seedOrganisations(pool);
    await insertRuns(pool, 1, ROWS);
  },
});

beforeAll(async () => {
  expect((await pipeline().project()).read).toBe(ROWS);
});

/** Sets the group's offset of each partition, as an operator's tool does. */
async function setGroup(offsetOf: (next: number) => number): Promise<void> {
  const rows = await pipeline().query<{ partition: number; next: string }>(
    'SELECT partition, next_offset AS next FROM history_cdc.consumer_offset ORDER BY partition',
  );
  await pipeline().admin.setOffsets({
    groupId: pipeline().config.CONSUMER_GROUP,
    topic: pipeline().topic,
    partitions: rows.map(({ partition, next }) => ({ partition, offset: String(offsetOf(Number(next))) })),
  });
}

test('F10: the group’s offsets are rewound, or deleted: the offset in Postgres counts, and nothing is read twice', async () => {
  await setGroup(() => 0);
  expect((await pipeline().project()).read).toBe(0);
  await pipeline().admin.deleteGroups([pipeline().config.CONSUMER_GROUP]);
  expect((await pipeline().project()).read).toBe(0);
  await expectInvariants(pipeline());
});

test('F10: the group’s offsets are ahead of Postgres: what lies between is projected all the same', async () => {
  await insertRuns(pipeline().pool, ROWS + 1, ROWS + 30);
  await pipeline().delivered();
  await setGroup((next) => next + 5);
  // The check of I7 sees it.
  const { violations } = await groupViolations(pipeline());
  expect(violations.map(({ invariant }) => invariant)).toEqual(['I7', 'I7']);
  expect((await pipeline().project()).read).toBe(30);
  await expectInvariants(pipeline());
});
