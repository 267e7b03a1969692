import type { Config, ConfigWith } from '../../lib/config.ts';
import { messageOf } from '../../lib/errors.ts';
import { KafkaCluster, type TopicSpec } from '../../lib/kafka-cluster.ts';
import { createLogger } from '../../lib/log.ts';
import { createPool, type Pool } from '../../lib/postgres.ts';
import { ConnectClient } from './connect-client.ts';
import type { DesiredConnector } from './desired.ts';
import type { ActualState, ActualTopic } from './plan.ts';
import { readSourceFacts, type SourceFacts, type SourceNames } from '../../operations/facts/source.ts';
import { connectorRole } from './source-sql.ts';

export type ConnectorSettings = ConfigWith<'CONNECT_URL' | 'KAFKA_BROKERS' | 'CONNECTOR_DATABASE_URL'>;

/** Everything that a connector command talks to, opened together and closed together. */
export interface Target {
  readonly connect: ConnectClient;
  readonly cluster: KafkaCluster;
  /** The legacy database; undefined where no address of it is configured. */
  readonly source: Pool | undefined;
}

export async function withTarget<T>(
  config: ConnectorSettings,
  work: (target: Target) => Promise<T>,
): Promise<T> {
  const cluster = await KafkaCluster.connect(config, createLogger(config.LOG_LEVEL));
  const source =
    config.LEGACY_DATABASE_URL === undefined
      ? undefined
      : createPool({ url: config.LEGACY_DATABASE_URL, name: 'history-cdc connector', connections: 1 });
  try {
    return await work({ connect: connectClient(config), cluster, source });
  } finally {
    await source?.end();
    await cluster.close();
  }
}

/** The one password that this process may know must not come back in a message of Connect's. */
export function connectClient(config: Config & { readonly CONNECT_URL: string }): ConnectClient {
  const password =
    config.CONNECTOR_DATABASE_URL === undefined ? '' : new URL(config.CONNECTOR_DATABASE_URL).password;
  const secrets = password === '' ? [] : [password, decodeURIComponent(password)];
  const { CONNECT_URL: url, CONNECT_TOKEN: token, CONNECT_CA_FILE: caFile } = config;
  return new ConnectClient({ url, token, caFile, secrets });
}

/** One question after the other: one that failed would leave others under way on a connection that is being closed. */
export async function readActual(target: Target, desired: DesiredConnector): Promise<ActualState> {
  const config = await target.connect.config(desired.name);
  return { config, topics: await readTopics(target.cluster, desired.topics) };
}

/** Those of the wanted topics that exist, with the settings that are wanted of them. */
export async function readTopics(
  cluster: KafkaCluster,
  wanted: readonly TopicSpec[],
): Promise<ActualTopic[]> {
  const existing = new Set(await cluster.listTopics());
  const topics: ActualTopic[] = [];
  for (const { name, config } of wanted.filter((spec) => existing.has(spec.name))) {
    topics.push({
      name,
      partitions: (await cluster.watermarks(name)).size,
      config: await cluster.topicConfig(name, Object.keys(config)),
    });
  }
  return topics;
}

export function sourceNames(
  config: Pick<Config, 'CONNECTOR_DATABASE_URL' | 'PUBLICATION_NAME' | 'SLOT_NAME'>,
): SourceNames {
  return { role: connectorRole(config), publication: config.PUBLICATION_NAME, slot: config.SLOT_NAME };
}

export type SourceAnswer =
  | { readonly facts: SourceFacts & { readonly database: string }; readonly pool: Pool }
  | { readonly unreachable: string };

/**
 * The facts of the legacy database, or why it could not be asked: from where this command runs it need not be
 * reachable, Kafka Connect has an address of its own.
 */
export async function askSource(target: Target, config: ConnectorSettings): Promise<SourceAnswer> {
  if (target.source === undefined) return { unreachable: 'LEGACY_DATABASE_URL is not set' };
  try {
    return { pool: target.source, facts: await readSourceFacts(target.source, sourceNames(config)) };
  } catch (error) {
    return { unreachable: messageOf(error) };
  }
}
