import type { BatchMark } from './kafka-batch.ts';
import { batchesOf } from './kafka-batch.ts';
import type { RawRecord } from './kafka-fetch-answer.ts';
import type { InternalCluster } from './kafka.ts';

/** What one fetch has read of a partition, from an offset on. */
export interface Stretch {
  readonly batches: readonly BatchMark[];
  /** Offsets of the records that a reader sees. Markers of transactions and aborted records are not among them. */
  readonly records: readonly bigint[];
}

/** The broker sends the first batch whole, however large it is. */
const FETCH_BYTES = 65_536;
const READ_COMMITTED = 1;

/**
 * Reads one stretch of a partition outside of any consumer group. The topic must be a target of the cluster, and the offset must
 * be in the partition.
 */
export async function readStretch(
  cluster: InternalCluster,
  topic: string,
  { partition, from }: { readonly partition: number; readonly from: bigint },
): Promise<Stretch> {
  const [leader] = Object.keys(cluster.findLeaderForPartitions(topic, [partition]));
  const broker = await cluster.findBroker({ nodeId: String(leader) });
  const { responses } = await broker.fetch({
    isolationLevel: READ_COMMITTED,
    maxWaitTime: 100,
    maxBytes: FETCH_BYTES,
    topics: [{ topic, partitions: [{ partition, fetchOffset: String(from), maxBytes: FETCH_BYTES }] }],
  });
  const messages: readonly RawRecord[] = responses[0]?.partitions[0]?.messages ?? [];
  const seen = messages.filter(({ isControlRecord, offset }) => !isControlRecord && BigInt(offset) >= from);
  return { batches: batchesOf(messages), records: seen.map(({ offset }) => BigInt(offset)) };
}
