import type { Config } from '../../lib/config.ts';
import { FatalError, messageOf } from '../../lib/errors.ts';
import { KafkaCluster } from '../../lib/kafka-cluster.ts';
import { createLogger } from '../../lib/log.ts';
import { topicNames } from '../../lib/names.ts';
import type { TopicEnds } from './barrier.ts';

const QUIET = 'if nobody writes and everything is projected, use --source-is-quiet';

/** Asks Kafka for the ends of the data topic. It connects each time, because a run asks only once or twice. */
export async function readTopicEnds(config: Config): Promise<TopicEnds | string> {
  const { KAFKA_BROKERS: brokers } = config;
  if (brokers === undefined)
    return `Kafka was not asked, because KAFKA_BROKERS is not set: set it, or ${QUIET}`;
  try {
    const settings = { ...config, KAFKA_BROKERS: brokers };
    const cluster = await KafkaCluster.connect(settings, createLogger('silent'));
    try {
      return await endsOf(cluster, topicNames(config).data);
    } finally {
      await cluster.close();
    }
  } catch (error) {
    const wayOut = error instanceof FatalError ? error.wayOut : QUIET;
    return `Kafka could not be asked: ${messageOf(error)}: ${wayOut}`;
  }
}

/** The same over a connection that is there already. */
export async function endsOf(cluster: KafkaCluster, topic: string): Promise<TopicEnds | string> {
  const identity = await cluster.describeTopic(topic);
  if (identity === undefined) return `there is no topic ${topic}: \`history-cdc connector status\``;
  const watermarks = await cluster.watermarks(topic);
  const held = [...watermarks].filter(([, { low, high }]) => high > low);
  return { topicId: identity.topicId, ends: new Map(held.map(([partition, { high }]) => [partition, high])) };
}
