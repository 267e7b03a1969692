import type { KafkaCluster, TopicReplicas, Watermarks } from '../../lib/kafka-cluster.ts';
import type { TopicIdentity } from '../../lib/kafka-topic-id.ts';
import type { TopicSpec } from '../../lib/kafka-cluster.ts';
import type { ActualTopic } from '../../connectors/deploy/plan.ts';
import { readTopics } from '../../connectors/deploy/target.ts';

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

export async function readTopicFacts(
  cluster: KafkaCluster,
  wanted: readonly TopicSpec[],
): Promise<TopicFacts> {
  const there = await readTopics(cluster, wanted);
  return { there, replicas: await cluster.replicas(there.map(({ name }) => name)) };
}

export async function readDataTopic(cluster: KafkaCluster, topic: string): Promise<DataTopic> {
  const identity = await cluster.describeTopic(topic);
  if (identity === undefined) return undefined;
  return { ...identity, marks: await cluster.watermarks(topic) };
}
