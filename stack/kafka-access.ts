import { loadConfig } from '../lib/config.ts';
import type { AccessRule } from '../lib/kafka-acl.ts';
import { KafkaCluster } from '../lib/kafka-cluster.ts';
import { createLogger } from '../lib/log.ts';
import { kafkaSettings, KAFKA_USERS } from './secure.ts';
import { addressesOf, type StackState } from './state.ts';

/** The default names of topics and groups. A stack with another TOPIC_PREFIX needs its own rules. */
const DATA_TOPICS = ['aao.', '__debezium-heartbeat.'];
const GROUPS = 'agent-history-projector';

const connect = `User:${KAFKA_USERS.connect}`;
const operator = `User:${KAFKA_USERS.operator}`;
const projector = `User:${KAFKA_USERS.projector}`;

/**
 * Kafka's access rules. What they do not allow is forbidden. Only Connect may write to the connector's topics, because
 * the records there decide who owns a run.
 */
const RULES: readonly AccessRule[] = [
  // The worker's own three topics contain the configuration of every connector, so nobody else may read them.
  { principal: connect, resource: 'topic', name: 'connect-', prefixed: true, operations: ['all'] },
  { principal: connect, resource: 'group', name: 'history-cdc-connect', operations: ['read'] },
  ...DATA_TOPICS.flatMap((name): AccessRule[] => [
    { principal: connect, resource: 'topic', name, prefixed: true, operations: ['write'] },
    // `connector apply` creates the topics, and reads their settings and records.
    {
      principal: operator,
      resource: 'topic',
      name,
      prefixed: true,
      operations: ['create', 'describe-configs', 'read'],
    },
  ]),
  { principal: operator, resource: 'group', name: '*', operations: ['read', 'delete'] },
  { principal: projector, resource: 'topic', name: 'aao.public.agent_test_history', operations: ['read'] },
  // `replay` and `explain` use consumer groups whose names begin with this one, and delete them when they end.
  { principal: projector, resource: 'group', name: GROUPS, prefixed: true, operations: ['read', 'delete'] },
];

async function asAdmin<T>(state: StackState, work: (cluster: KafkaCluster) => Promise<T>): Promise<T> {
  const { secure } = state;
  if (secure === undefined) throw new Error(`the stack ${state.name} is not a secure one`);
  const settings = { KAFKA_BROKERS: addressesOf(state).kafkaBrokers, ...kafkaSettings(secure, 'admin') };
  const config = loadConfig(settings, undefined, ['KAFKA_BROKERS']);
  const cluster = await KafkaCluster.connect(config, createLogger('silent'));
  try {
    return await work(cluster);
  } finally {
    await cluster.close();
  }
}

/** Counts the brokers like `countBrokers`, with a login, for a broker that answers nobody else. */
export async function countSecureBrokers(state: StackState): Promise<number> {
  return await asAdmin(state, async (cluster) => (await cluster.describeCluster()).brokers);
}

/** Creates the access rules. Rules that exist already are not changed. */
export async function grantAccess(state: StackState): Promise<void> {
  await asAdmin(state, (cluster) => cluster.allow(RULES));
}
