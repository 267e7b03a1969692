import pRetry from 'p-retry';
import { TransientError } from '../../lib/errors.ts';
import type { KafkaCluster } from '../../lib/kafka-cluster.ts';
import { topicNames } from '../../lib/names.ts';
import { deleteSubject, registryEndpoint, subjectNames } from '../../lib/registry.ts';
import { NOTHING, type Part, type Site } from './part.ts';

/** A running connector whose topic is gone blocks for ever, and Kafka Connect says that it runs: the slot would stay unread. */
export const TOPICS: Part = {
  after: ['connector'],
  togetherWith: [],
  look: async ({ services, config }) => ({ things: await present(await services.kafka(), topicsOf(config)) }),
  remove: async ({ services }, { things }) => {
    const cluster = await services.kafka();
    await cluster.deleteTopics(things);
    await untilGone(() => present(cluster, things));
  },
};

const topicsOf = (config: Site['config']) => Object.values(topicNames(config));

/** Asks for each by its name: a list of all topics leaves out what the user may not see. */
async function present(cluster: KafkaCluster, topics: readonly string[]): Promise<readonly string[]> {
  const there: string[] = [];
  for (const topic of topics) if ((await cluster.describeTopic(topic)) !== undefined) there.push(topic);
  return there;
}

/** Brokers answer before a topic has vanished from all of them. */
async function untilGone(look: () => Promise<readonly string[]>): Promise<void> {
  const gone = async () => {
    const left = await look();
    if (left.length > 0) throw new TransientError(`Kafka still has ${left.join(', ')}`);
  };
  await pRetry(gone, {
    retries: 40,
    minTimeout: 100,
    maxTimeout: 500,
    shouldRetry: ({ error }) => error instanceof TransientError,
  });
}

/** Without its schemas nobody can read a topic, so they go after it. */
export const SUBJECTS: Part = {
  after: ['connector', 'topics'],
  togetherWith: [],
  look: async ({ config }) => {
    const registry = registryEndpoint(config);
    if (registry === undefined) return noRegistry(config);
    const ours = new Set(topicsOf(config).flatMap((topic) => [`${topic}-key`, `${topic}-value`]));
    return { things: (await subjectNames(registry)).filter((subject) => ours.has(subject)).sort() };
  },
  remove: async ({ config }, { things }) => {
    const registry = registryEndpoint(config);
    if (registry === undefined) return;
    for (const subject of things) await deleteSubject(registry, subject);
  },
};

/** Without a registry the records are JSON. Where only the connector is told its address, there is one that we do not see. */
function noRegistry({ CONNECTOR_SCHEMA_REGISTRY_URL }: Site['config']) {
  if (CONNECTOR_SCHEMA_REGISTRY_URL === undefined) return NOTHING;
  throw new Error('SCHEMA_REGISTRY_URL is not set');
}

/** Kafka refuses to delete a group that has members. */
export const GROUP: Part = {
  after: ['connector', 'topics'],
  togetherWith: [],
  look: async ({ services, config: { CONSUMER_GROUP: group } }) =>
    (await (await services.kafka()).describeGroup(group)) === undefined ? NOTHING : { things: [group] },
  remove: async ({ services, config }) => {
    await (await services.kafka()).deleteGroup(config.CONSUMER_GROUP);
  },
};
