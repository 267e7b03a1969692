import type { Config } from '../../lib/config.ts';
import { FatalError, messageOf } from '../../lib/errors.ts';
import { KafkaCluster } from '../../lib/kafka-cluster.ts';
import { createLogger } from '../../lib/log.ts';
import { topicNames } from '../../lib/names.ts';
import { schemaLookupOf } from '../../lib/registry.ts';
import type { Client } from '../../lib/postgres.ts';
import { assertCurrentTopic } from '../../consumers/agent-test-history/batch/current-topic.ts';
import { createDecoder } from '../../consumers/agent-test-history/record/decode.ts';
import { storedOffsets } from '../../consumers/agent-test-history/batch/offsets.ts';
import type { EventReader } from './explain.ts';
import type { TopicEvent } from './report.ts';
import { readEvents } from './topic-events.ts';

interface Reader {
  readonly config: Config;
  /** The database with the stored offsets of the projectors. */
  readonly canonical: Client;
  readonly progress: (done: number, total: number) => void;
}

/** Reads events from the topic of the settings. If the topic cannot be read, returns a sentence and no error. */
export function eventReader({ config, canonical, progress }: Reader): EventReader {
  const { KAFKA_BROKERS: brokers } = config;
  return async (legacyId, known) => {
    if (brokers === undefined) return 'not read, because KAFKA_BROKERS is not set';
    try {
      const cluster = await KafkaCluster.connect(
        { ...config, KAFKA_BROKERS: brokers },
        createLogger('silent'),
      );
      try {
        return await readFrom(cluster, { config, canonical, progress }, { legacyId, ...known });
      } finally {
        await cluster.close();
      }
    } catch (error) {
      return `not read: ${messageOf(error)}${error instanceof FatalError ? ` (way out: ${error.wayOut})` : ''}`;
    }
  };
}

type Wanted = { readonly legacyId: string } & Parameters<EventReader>[1];

async function readFrom(
  cluster: KafkaCluster,
  { config, canonical, progress }: Reader,
  { legacyId, ledger, quarantine }: Wanted,
): Promise<readonly TopicEvent[] | string> {
  const topic = topicNames(config).data;
  const identity = await cluster.describeTopic(topic);
  if (identity === undefined) return `not read, because there is no topic ${topic}`;
  await assertCurrentTopic(canonical, { ...identity, name: topic });
  return await readEvents({
    cluster,
    topic,
    topicId: identity.topicId,
    group: `${config.CONSUMER_GROUP}.explain.${String(process.pid)}`,
    groups: config.CONSUMER_GROUP,
    decode: createDecoder(schemaLookupOf(config), config.UNAVAILABLE_PLACEHOLDER, { parkUnusable: true }),
    legacyId,
    // A position in a topic that was made again says nothing about this topic.
    applied:
      ledger?.topic_id === identity.topicId
        ? { partition: ledger.partition, offset: BigInt(ledger.offset) }
        : null,
    parked: new Set(
      quarantine
        .filter(({ topic_id }) => topic_id === identity.topicId)
        .map(({ partition, offset }) => `${String(partition)}:${offset}`),
    ),
    stored: await storedOffsets(canonical, identity.topicId),
    progress,
  });
}
