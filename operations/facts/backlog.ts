import type { Facts } from './areas.ts';
import type { ProjectionFacts } from './canonical.ts';
import type { DataTopic } from './kafka.ts';

/** What of the data topic is not projected yet. */
export interface Backlog {
  /** By the stored offsets: records, of which one legacy row may have several. */
  readonly records: bigint;
  /** The next record to project of each partition that the topic has; where none waits, the offset that it will get. */
  readonly next: ReadonlyMap<number, bigint>;
  /** Since the newest commit of any partition. */
  readonly secondsSinceCommit: number;
}

/** Undefined where nothing of this topic was projected yet. */
export function backlogOf(
  { topicId, marks }: NonNullable<DataTopic>,
  { offsets }: Pick<ProjectionFacts, 'offsets'>,
): Backlog | undefined {
  const ours = offsets.filter((offset) => offset.topicId === topicId);
  if (ours.length === 0) return undefined;
  const next = new Map(
    [...marks].map(([partition, { low, unreadFrom }]) => {
      const stored = ours.find((offset) => offset.partition === partition)?.nextOffset;
      return [partition, unreadFrom ?? (stored === undefined ? low : BigInt(stored))] as const;
    }),
  );
  return {
    records: [...marks].reduce((sum, [partition, { high }]) => {
      // Records that came and were projected between two questions are no debt of the other partitions.
      const behind = high - (next.get(partition) ?? high);
      return behind > 0n ? sum + behind : sum;
    }, 0n),
    next,
    secondsSinceCommit: Math.min(...ours.map(({ secondsAgo }) => secondsAgo)),
  };
}

/** The same of what was gathered; undefined where it is not known, too. */
export function backlogIn({
  dataTopic,
  projection,
}: Pick<Facts, 'dataTopic' | 'projection'>): Backlog | undefined {
  if (!dataTopic.known || dataTopic.value === undefined || !projection.known) return undefined;
  return backlogOf(dataTopic.value, projection.value);
}
