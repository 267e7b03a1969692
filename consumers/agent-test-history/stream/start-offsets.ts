import type { KafkaCluster } from '../../../lib/kafka-cluster.ts';
import type { Client } from '../../../lib/postgres.ts';
import { assertCurrentTopic } from '../batch/current-topic.ts';
import { storedOffsets, type StoredOffset } from '../batch/offsets.ts';
import type { ProjectorMode } from './projector-options.ts';
import { topicMissing } from './topic-faults.ts';

/** From where a replay reads: the beginning, an offset in every partition, or a time in epoch milliseconds. */
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

/** The offset at which each partition is begun, and how many records lie between there and the end of the topic. */
export interface StartOffsets {
  readonly startAt: ReadonlyMap<number, Pick<StoredOffset, 'nextOffset' | 'lastBatch'>>;
  readonly records: bigint;
  readonly topicId: string;
  /** What the projectors have stored for each partition. */
  readonly stored: ReadonlyMap<number, StoredOffset>;
}

/**
 * A projector and a dry run begin where the last commit ended; a replay begins where it was told to. Throws where the ledger
 * belongs to another topic.
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
    // A replay may be told an offset that a partition does not have: it then begins at its nearest end.
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
