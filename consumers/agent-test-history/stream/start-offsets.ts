import type { KafkaCluster } from '../../../lib/kafka-cluster.ts';
import type { Client } from '../../../lib/postgres.ts';
import { assertCurrentTopic } from '../batch/current-topic.ts';
import { storedOffsets, type StoredOffset } from '../batch/offsets.ts';
import type { ProjectorMode } from './projector-options.ts';
import { topicMissing } from './topic-faults.ts';

/** Where a replay begins: at the beginning, at an offset of every partition, or at a time in epoch milliseconds. */
export type ReplayStart =
  | { readonly from: 'beginning' }
  | { readonly from: 'offset'; readonly offset: bigint }
  | { readonly from: 'time'; readonly epochMs: number };

interface Where {
  readonly cluster: KafkaCluster;
  readonly canonical: Client;
  readonly topic: string;
  readonly acceptNewTopic: boolean;
}

/** The first offset to read in each partition, and the number of records from there to the end of the topic. */
export interface StartOffsets {
  readonly startAt: ReadonlyMap<number, Pick<StoredOffset, 'nextOffset' | 'lastBatch'>>;
  readonly records: bigint;
  readonly topicId: string;
  /** The stored offset of each partition. */
  readonly stored: ReadonlyMap<number, StoredOffset>;
}

/**
 * Finds the first offset of each partition. A projector and a dry run begin after the last commit; a replay begins
 * where it was told to. Throws if the ledger belongs to another topic.
 */
export async function startOffsets(
  where: Where,
  mode: ProjectorMode,
  start: ReplayStart,
): Promise<StartOffsets> {
  const { cluster, topic } = where;
  const identity = await cluster.describeTopic(topic);
  if (identity === undefined) throw topicMissing(topic);
  await assertCurrentTopic(where.canonical, { ...identity, name: topic }, where.acceptNewTopic);
  const watermarks = await cluster.watermarks(topic);
  const stored = await storedOffsets(where.canonical, identity.topicId);
  const wanted: OffsetOf =
    mode === 'replay' ? await replayOffsets(where, start) : (partition) => stored.get(partition)?.nextOffset;
  const startAt = new Map<number, Pick<StoredOffset, 'nextOffset' | 'lastBatch'>>();
  let records = 0n;
  for (const [partition, { low, high }] of watermarks) {
    const from = wanted(partition) ?? low;
    // If a partition does not have the offset that a replay was given, it begins at its nearer end.
    const clamped = from < low ? low : from > high ? high : from;
    const lastBatch = mode === 'replay' ? null : (stored.get(partition)?.lastBatch ?? null);
    startAt.set(partition, { nextOffset: mode === 'replay' ? clamped : from, lastBatch });
    records += high - clamped;
  }
  return { startAt, records, topicId: identity.topicId, stored };
}

type OffsetOf = (partition: number) => bigint | undefined;

async function replayOffsets({ cluster, topic }: Where, start: ReplayStart): Promise<OffsetOf> {
  switch (start.from) {
    case 'beginning':
      return () => undefined;
    case 'offset':
      return () => start.offset;
    case 'time': {
      const offsets = await cluster.offsetsAt(topic, start.epochMs);
      return (partition) => offsets.get(partition);
    }
  }
}
