import { LogCheck } from '../../consumers/agent-test-history/stream/log-check.ts';
import { parseBatch } from '../../lib/kafka-batch.ts';
import type { KafkaCluster, TopicReplicas, Watermarks } from '../../lib/kafka-cluster.ts';
import type { GroupMembers } from '../../lib/kafka-group.ts';
import type { TopicIdentity } from '../../lib/kafka-topic-id.ts';
import type { TopicSpec } from '../../lib/kafka-cluster.ts';
import type { ActualTopic } from '../../connectors/deploy/plan.ts';
import type { Stretch } from '../../lib/kafka-stretch.ts';
import type { ProjectedOffset } from './canonical.ts';

export interface BrokerFacts {
  readonly clusterId: string;
  readonly brokers: number;
}

/** Settings of a topic that `connector apply` leaves to the cluster, and that can lose or hold back records. */
const RISKY_SETTINGS = ['min.insync.replicas', 'unclean.leader.election.enable', 'message.timestamp.type'];

/** Those of the connector's topics that exist. */
export interface TopicFacts {
  readonly there: readonly ActualTopic[];
  readonly replicas: readonly TopicReplicas[];
}

/** The ends of a partition, and what lies at the stored offset; the latter only where it was looked at. */
export interface PartitionMarks extends Watermarks {
  /**
   * The first record that is not projected yet; the end of what can be read where there is none. Markers of transactions and
   * aborted records, which no reader sees, may lie between the stored offset and this one.
   */
  readonly unreadFrom?: bigint;
  /** Another batch lies before the stored offset than the one that was projected. */
  readonly isCut?: boolean;
}

/** Undefined where there is no data topic. */
export type DataTopic = (TopicIdentity & { readonly marks: ReadonlyMap<number, PartitionMarks> }) | undefined;

/** One question after the other: one that failed would leave others under way on a connection that is being closed. */
export async function readTopicFacts(
  cluster: KafkaCluster,
  wanted: readonly TopicSpec[],
): Promise<TopicFacts> {
  const existing = new Set(await cluster.listTopics());
  const there: ActualTopic[] = [];
  for (const { name, config } of wanted.filter((spec) => existing.has(spec.name))) {
    const partitions = (await cluster.watermarks(name)).size;
    const settings = [...Object.keys(config), ...RISKY_SETTINGS];
    there.push({ name, partitions, config: await cluster.topicConfig(name, settings) });
  }
  return { there, replicas: await cluster.replicas(there.map(({ name }) => name)) };
}

/** A group that does not exist has no members. */
export async function readGroup(cluster: KafkaCluster, group: string): Promise<GroupMembers> {
  return (await cluster.describeGroup(group)) ?? { ours: 0, strangers: [] };
}

/** Heartbeats that ever came through their topic. */
export async function readBeats(cluster: KafkaCluster, topic: string): Promise<bigint> {
  // kafkajs asks again and again for the ends of a topic that does not exist.
  if (!(await cluster.listTopics()).includes(topic)) return 0n;
  return [...(await cluster.watermarks(topic)).values()].reduce((sum, { high }) => sum + high, 0n);
}

/** `offsets`: those that are stored, of whatever topic; without them, nothing of the log is read. */
export async function readDataTopic(
  cluster: KafkaCluster,
  topic: string,
  offsets: readonly ProjectedOffset[] = [],
): Promise<DataTopic> {
  const identity = await cluster.describeTopic(topic);
  if (identity === undefined) return undefined;
  const marks = await cluster.watermarks(topic);
  const stored = offsets.filter(({ topicId }) => topicId === identity.topicId);
  if (stored.length === 0) return { ...identity, marks };
  const looked = await cluster.readStretches(topic, (read) =>
    Promise.all(
      [...marks].map(async ([partition, ends]) => {
        const at = stored.find((each) => each.partition === partition);
        return [partition, await lookAtOffset(ends, at, (from) => read(partition, from))] as const;
      }),
    ),
  );
  return { ...identity, marks: new Map(looked) };
}

/** So many fetches at most. Where no record was found by then, the rest counts as records. */
const LONGEST_LOOK = 50;

/** The stored offset is held against the log as a projector does at each assignment; see `log-check.ts`. */
export async function lookAtOffset(
  ends: Watermarks,
  stored: ProjectedOffset | undefined,
  read: (from: bigint) => Promise<Stretch>,
): Promise<PartitionMarks> {
  const next = stored === undefined ? ends.low : BigInt(stored.nextOffset);
  if (next < ends.low || next > ends.high) return ends;
  const batch = stored?.lastBatch ?? null;
  const log = new LogCheck(next, batch === null ? null : parseBatch(batch), ends.low);
  const readable = ends.openFrom ?? ends.high;
  let isCut = false;
  if (!log.isChecked) {
    const { batches } = await read(log.from);
    isCut = log.judge({ fetchedOffset: log.from, nextOffset: next, batches }) === 'cut';
  }
  let unreadFrom = next;
  for (let looks = 0; unreadFrom < readable && looks < LONGEST_LOOK; looks++) {
    const { batches, records } = await read(unreadFrom);
    const [first] = records;
    if (first !== undefined) return { ...ends, isCut, unreadFrom: first };
    const behind = (batches.at(-1)?.last ?? -1n) + 1n;
    if (behind <= unreadFrom) break;
    unreadFrom = behind;
  }
  return { ...ends, isCut, unreadFrom };
}
