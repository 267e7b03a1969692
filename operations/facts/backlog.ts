import { valueOf } from './answer.ts';
import type { ProjectedOffset } from './canonical.ts';
import type { Answers } from './facts.ts';
import type { DataTopic } from './kafka.ts';

/** What of the data topic is not projected yet. */
export interface Backlog {
  /** By the stored offsets: records, of which one legacy row may have several. */
  readonly records: bigint;
  /** Of each partition that the topic has. */
  readonly partitions: ReadonlyMap<number, PartitionBacklog>;
  /** Since the newest commit of any partition; undefined where nothing of this topic was projected yet. */
  readonly secondsSinceCommit: number | undefined;
}

export interface PartitionBacklog {
  /** The next record to project, and where the partition ends; where no record waits, the offset that it will get. */
  readonly next: bigint;
  readonly end: bigint;
  /** Undefined where no offset is stored. */
  readonly stored: ProjectedOffset | undefined;
}

export type Ends = ReadonlyMap<
  number,
  { readonly low: bigint; readonly high: bigint; readonly unreadFrom?: bigint }
>;

export function backlogOf(topicId: string, ends: Ends, offsets: readonly ProjectedOffset[]): Backlog {
  const ours = offsets.filter((offset) => offset.topicId === topicId);
  const partitions = new Map(
    [...ends].map(([partition, { low, high: end, unreadFrom }]) => {
      const stored = ours.find((offset) => offset.partition === partition);
      const next = unreadFrom ?? (stored === undefined ? low : BigInt(stored.nextOffset));
      return [partition, { next, end, stored }] as const;
    }),
  );
  return {
    partitions,
    // Records that came and were projected between two questions are no debt of the other partitions.
    records: [...partitions.values()].reduce(
      (sum, { next, end }) => (end > next ? sum + end - next : sum),
      0n,
    ),
    secondsSinceCommit: ours.length === 0 ? undefined : Math.min(...ours.map(({ secondsAgo }) => secondsAgo)),
  };
}

/** Undefined where it is not known, or nothing of the topic was projected yet. */
export function backlogIn({
  dataTopic,
  projection,
}: Pick<Answers, 'dataTopic' | 'projection'>):
  (Backlog & { readonly secondsSinceCommit: number }) | undefined {
  const topic: DataTopic = valueOf(dataTopic);
  const projected = valueOf(projection);
  if (topic === undefined || projected === undefined) return undefined;
  const backlog = backlogOf(topic.topicId, topic.marks, projected.offsets);
  const { secondsSinceCommit } = backlog;
  return secondsSinceCommit === undefined ? undefined : { ...backlog, secondsSinceCommit };
}
