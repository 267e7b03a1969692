import { oldestSeconds } from '../facts/oldest.ts';
import { backlogOf } from '../facts/backlog.ts';
import type { DataTopic } from '../facts/kafka.ts';
import type { ProjectionFacts } from '../facts/canonical.ts';

type OffsetsAt = (timestampMs: number) => Promise<ReadonlyMap<number, bigint>>;

/**
 * Seconds since the oldest record of each partition that is not projected yet was written to Kafka; 0 where none waits. By
 * the stored offsets, so a partition that nobody has been assigned counts as well. The partitions share their questions to
 * Kafka.
 */
export async function lagSeconds(
  { topicId, marks }: NonNullable<DataTopic>,
  { offsets }: ProjectionFacts,
  offsetsAt: OffsetsAt,
): Promise<ReadonlyMap<number, number>> {
  const { partitions } = backlogOf(topicId, marks, offsets);
  const now = new Date();
  const asked = new Map<number, Promise<ReadonlyMap<number, bigint>>>();
  const askedOnce: OffsetsAt = (timestampMs) => {
    const answer = asked.get(timestampMs) ?? offsetsAt(timestampMs);
    asked.set(timestampMs, answer);
    return answer;
  };
  const ages = new Map<number, number>();
  for (const [partition, { next, end }] of partitions)
    ages.set(partition, end > next ? await oldestSeconds(askedOnce, new Map([[partition, next]]), now) : 0);
  return ages;
}
