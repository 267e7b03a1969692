import type { KafkaCluster } from '../../lib/kafka-cluster.ts';
import { backlogIn } from './backlog.ts';
import type { Answers } from './facts.ts';

/** The first offset of each partition whose record is not older than a time; where there is none, the partition's end. */
type OffsetsAt = (timestampMs: number) => Promise<ReadonlyMap<number, bigint>>;

/** The same of a topic and what of it is projected; 0 where nothing waits. */
export async function askOldestSeconds(
  cluster: KafkaCluster,
  topic: string,
  facts: Pick<Answers, 'dataTopic' | 'projection'>,
): Promise<number> {
  if (!facts.dataTopic.known || !facts.projection.known)
    throw new Error('how many records wait is not known');
  const backlog = backlogIn(facts);
  if (backlog === undefined || backlog.records === 0n) return 0;
  const next = new Map([...backlog.partitions].map(([partition, { next: offset }]) => [partition, offset]));
  return await oldestSeconds((timestampMs) => cluster.offsetsAt(topic, timestampMs), next, new Date());
}

const FINEST_MS = 1_000;
const FINENESS = 0.05;

/**
 * Seconds since the oldest record that is not projected yet was written to Kafka, by its own timestamp: up to a second, or
 * a twentieth, too many. Kafka tells offsets by time and not the other way round, so the age is enclosed, in some ten
 * questions an hour of it.
 *
 * @param next the next offset to project of each partition, of which at least one must be behind
 */
export async function oldestSeconds(
  offsetsAt: OffsetsAt,
  next: ReadonlyMap<number, bigint>,
  now: Date,
): Promise<number> {
  const nowMs = now.getTime();
  /** Whether every record is projected that is older than that. */
  const covers = async (ageMs: number) => {
    const offsets = await offsetsAt(Math.max(0, Math.floor(nowMs - ageMs)));
    return [...next].every(([partition, offset]) => (offsets.get(partition) ?? 0n) <= offset);
  };
  let [younger, older] = [0, FINEST_MS];
  while (older < nowMs && !(await covers(older))) [younger, older] = [older, older * 2];
  while (older - younger > Math.max(FINEST_MS, older * FINENESS)) {
    const between = (younger + older) / 2;
    if (await covers(between)) older = between;
    else younger = between;
  }
  return Math.round(older / 1000);
}
