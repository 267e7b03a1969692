import type { KafkaCluster } from '../lib/kafka-cluster.ts';
import type { Client } from '../lib/postgres.ts';
import { storedOffsets } from './offsets.ts';
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
}

/** The offset at which each partition is begun, and how many records lie between there and the end of the topic. */
export interface StartOffsets {
  readonly startAt: ReadonlyMap<number, bigint>;
  readonly records: bigint;
  readonly topicId: string;
  /** The next offset of each partition that the projectors have stored. */
  readonly stored: ReadonlyMap<number, bigint>;
}

/** A projector and a dry run begin where the last commit ended; a replay begins where it was told to. */
export async function startOffsets(
  where: Where,
  mode: ProjectorMode,
  start: ReplayStart,
): Promise<StartOffsets> {
  const { cluster, topic } = where;
  const identity = await cluster.describeTopic(topic);
  if (identity === undefined) throw topicMissing(topic);
  const watermarks = await cluster.watermarks(topic);
  const stored = await storedNextOffsets(where.canonical, identity.topicId);
  const wanted: OffsetOf =
    mode === 'replay' ? await replayOffsets(where, start) : (partition) => stored.get(partition);
  const startAt = new Map(
    [...watermarks].map(([partition, { low }]) => [partition, wanted(partition) ?? low]),
  );
  let records = 0n;
  for (const [partition, { low, high }] of watermarks) {
    const from = startAt.get(partition) ?? low;
    // A replay may be told an offset that a partition does not have: it then begins at its nearest end.
    const clamped = from < low ? low : from > high ? high : from;
    if (mode === 'replay') startAt.set(partition, clamped);
    records += high - clamped;
  }
  return { startAt, records, topicId: identity.topicId, stored };
}

type OffsetOf = (partition: number) => bigint | undefined;

async function storedNextOffsets(canonical: Client, topicId: string): Promise<ReadonlyMap<number, bigint>> {
  const stored = await storedOffsets(canonical, topicId);
  return new Map([...stored].map(([partition, { nextOffset }]) => [partition, nextOffset]));
}

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
