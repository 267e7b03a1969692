import type { Config } from '../../lib/config.ts';
import { FatalError, messageOf } from '../../lib/errors.ts';
import { KafkaCluster } from '../../lib/kafka-cluster.ts';
import { createLogger } from '../../lib/log.ts';
import { topicNames } from '../../lib/names.ts';
import { createSchemaLookup } from '../../lib/registry.ts';
import { createDecoder } from '../decode.ts';
import type { EventReader } from './explain.ts';
import type { LedgerView, TopicEvent } from './report.ts';
import { readEvents } from './topic-events.ts';

/** Reads events from the topic that the settings name; a topic that cannot be read is a sentence, not an error. */
export function eventReader(config: Config, progress: (done: number, total: number) => void): EventReader {
  const { KAFKA_BROKERS: brokers } = config;
  return async (legacyId, ledger) => {
    if (brokers === undefined) return 'not read, because KAFKA_BROKERS is not set';
    try {
      const cluster = await KafkaCluster.connect(
        { ...config, KAFKA_BROKERS: brokers },
        createLogger('silent'),
      );
      try {
        return await readFrom(cluster, config, { legacyId, ledger, progress });
      } finally {
        await cluster.close();
      }
    } catch (error) {
      return `not read: ${messageOf(error)}${error instanceof FatalError ? ` (way out: ${error.wayOut})` : ''}`;
    }
  };
}

interface Wanted {
  readonly legacyId: string;
  readonly ledger: LedgerView | null;
  readonly progress: (done: number, total: number) => void;
}

async function readFrom(
  cluster: KafkaCluster,
  config: Config,
  { legacyId, ledger, progress }: Wanted,
): Promise<readonly TopicEvent[] | string> {
  const topic = topicNames(config).data;
  const identity = await cluster.describeTopic(topic);
  if (identity === undefined) return `not read, because there is no topic ${topic}`;
  const { SCHEMA_REGISTRY_URL: registryUrl } = config;
  return await readEvents({
    cluster,
    topic,
    topicId: identity.topicId,
    group: `${config.CONSUMER_GROUP}.explain.${String(process.pid)}`,
    decode: createDecoder(
      registryUrl === undefined ? undefined : createSchemaLookup(registryUrl),
      config.UNAVAILABLE_PLACEHOLDER,
    ),
    legacyId,
    // A position of a topic that was made again says nothing about this one.
    applied:
      ledger?.topic_id === identity.topicId
        ? { partition: ledger.partition, offset: BigInt(ledger.offset) }
        : null,
    progress,
  });
}
