import type { InternalCluster } from './kafka.ts';

/** The ends of a partition. Each is an offset, and an offset is not always a record. */
export interface Watermarks {
  /** The first offset that the partition still holds. */
  readonly low: bigint;
  /** The high watermark: the offset of the next record. */
  readonly high: bigint;
  /**
   * The start of the oldest open transaction; nothing from here on can be read yet. Absent if no transaction is open.
   */
  readonly openFrom?: bigint;
}

const EARLIEST = -2;
const LATEST = -1;
const READ_UNCOMMITTED = 0;
const READ_COMMITTED = 1;

/** kafkajs itself asks only for the last stable offset, and calls it the high watermark. */
export async function readWatermarks(
  cluster: InternalCluster,
  topic: string,
): Promise<ReadonlyMap<number, Watermarks>> {
  await cluster.addTargetTopic(topic);
  const partitions = cluster
    .findTopicPartitionMetadata(topic)
    .map(({ partitionId }) => ({ partition: partitionId }));
  const ask = async (isolationLevel: number, fromTimestamp: number) => {
    // kafkajs reads the level when it sends the question, so we ask the three questions one after the other.
    cluster.isolationLevel = isolationLevel;
    const [answer] = await cluster.fetchTopicsOffset([{ topic, partitions, fromTimestamp }]);
    return new Map(answer?.partitions.map(({ partition, offset }) => [partition, BigInt(offset)]));
  };
  const low = await ask(READ_COMMITTED, EARLIEST);
  const stable = await ask(READ_COMMITTED, LATEST);
  const high = await ask(READ_UNCOMMITTED, LATEST);
  return new Map(
    [...high].map(([partition, end]) => {
      const openFrom = stable.get(partition) ?? end;
      const marks = { low: low.get(partition) ?? 0n, high: end };
      return [partition, openFrom < end ? { ...marks, openFrom } : marks];
    }),
  );
}
