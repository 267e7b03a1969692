import { expect, test } from 'vitest';
import { beginPartition } from '../../consumers/agent-test-history/stream/begin-partition.ts';
import type { ProjectorOptions } from '../../consumers/agent-test-history/stream/projector-options.ts';
import { usePartitions } from '../support/partitions.ts';
import { TOPIC_ID } from '../support/run-records.ts';
import { useSessions, whereabouts } from '../support/waiting.ts';

const the = usePartitions();
const sessions = useSessions();

test('an assignment that is outdated while its claim waits for Postgres takes the partition from nobody', async () => {
  const successor = await the().claim('successor');
  const row = await sessions.hold(the().pool, 'SELECT FROM history_cdc.consumer_offset FOR UPDATE');
  const pool = sessions.poolOf(the().url, 'outdated');
  const outdated = new AbortController();
  const options = { commits: true, topic: 'topic', context: the().contextOn(pool) };
  const beginning = {
    options: options as unknown as ProjectorOptions,
    inUse: { topicId: TOPIC_ID, name: 'topic', partitions: 4 },
    name: 'outdated',
    signal: outdated.signal,
  };
  const begun = beginPartition(beginning, 0, { low: 0n, high: 0n });
  expect(await whereabouts(the().pool, 'outdated', begun)).toBe('another row');
  outdated.abort();
  await row.release();
  await expect(begun).rejects.toThrow();
  expect(await the().stored()).toMatchObject({ epoch: successor.claim.epoch });
});
