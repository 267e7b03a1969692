import type { KafkaCluster, TopicReplicas, Watermarks } from '../../lib/kafka-cluster.ts';
import type { TopicIdentity } from '../../lib/kafka-topic-id.ts';
import type { TopicSpec } from '../../lib/kafka-cluster.ts';
import type { ActualTopic } from '../../connectors/deploy/plan.ts';

export interface BrokerFacts {
  readonly clusterId: string;
  readonly brokers: number;
}

/** Those of the connector's topics that exist. */
export interface TopicFacts {
  readonly there: readonly ActualTopic[];
  readonly replicas: readonly TopicReplicas[];
}

/** Undefined where there is no data topic. */
export type DataTopic = (TopicIdentity & { readonly marks: ReadonlyMap<number, Watermarks> }) | undefined;

/** One question after the other: one that failed would leave others under way on a connection that is being closed. */
export async function readTopicFacts(
  cluster: KafkaCluster,
  wanted: readonly TopicSpec[],
): Promise<TopicFacts> {
  const existing = new Set(await cluster.listTopics());
  const there: ActualTopic[] = [];
  for (const { name, config } of wanted.filter((spec) => existing.has(spec.name))) {
    const partitions = (await cluster.watermarks(name)).size;
    there.push({ name, partitions, config: await cluster.topicConfig(name, Object.keys(config)) });
  }
  return { there, replicas: await cluster.replicas(there.map(({ name }) => name)) };
}

/** Heartbeats that ever came through their topic. */
export async function readBeats(cluster: KafkaCluster, topic: string): Promise<bigint> {
  // kafkajs asks again and again for the ends of a topic that does not exist.
  if (!(await cluster.listTopics()).includes(topic)) return 0n;
  return [...(await cluster.watermarks(topic)).values()].reduce((sum, { high }) => sum + high, 0n);
}

export async function readDataTopic(cluster: KafkaCluster, topic: string): Promise<DataTopic> {
  const identity = await cluster.describeTopic(topic);
  if (identity === undefined) return undefined;
  return { ...identity, marks: await cluster.watermarks(topic) };
}
