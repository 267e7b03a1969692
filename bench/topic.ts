import { applyConnector } from '../operations/connector/apply.ts';
import { runSourceSql } from '../connectors/deploy/run-sql.ts';
import { sourceSql } from '../connectors/deploy/source-sql.ts';
import { connectClient, type ConnectorSettings } from '../connectors/deploy/target.ts';
import { loadConfig, type ConfigWith, type Environment } from '../lib/config.ts';
import { KafkaCluster } from '../lib/kafka-cluster.ts';
import { createLogger } from '../lib/log.ts';
import { topicNames } from '../lib/names.ts';
import { type Pool } from '../lib/postgres.ts';
import { sqlState } from '../lib/postgres-errors.ts';
import { waitUntil } from '../stack/wait.ts';
import type { BenchStack } from './stack.ts';

export type Format = 'avro' | 'json';
export type SourceConfig = ConnectorSettings & ConfigWith<'DATABASE_URL' | 'LEGACY_DATABASE_URL'>;

/** A connector of its own, with slot, topics and group, on one database. */
export interface Source {
  readonly name: string;
  readonly database: string;
  readonly format: Format;
  /** The settings for the product's commands. */
  readonly settings: Environment;
  readonly config: SourceConfig;
  readonly topic: string;
}

const NEEDS = [
  'DATABASE_URL',
  'LEGACY_DATABASE_URL',
  'CONNECTOR_DATABASE_URL',
  'KAFKA_BROKERS',
  'CONNECT_URL',
] as const;
/** How long the end of a connector's session may take. */
const SLOT_WITHIN_MS = 30_000;

/** Names a connector, and runs the DBA's script for it. It does not start the connector. */
export async function prepareSource(
  stack: BenchStack,
  { name, database, format }: Pick<Source, 'name' | 'database' | 'format'>,
): Promise<Source> {
  const { addresses, databases } = stack;
  const connector = new URL(addresses.connectorDatabaseUrl);
  connector.pathname = database;
  const settings = {
    ...stack.environment,
    DATABASE_URL: databases.urlOf(database),
    CONNECTOR_DATABASE_URL: connector.href,
    KAFKA_BROKERS: addresses.kafkaBrokers,
    CONNECT_URL: addresses.connectUrl,
    ...(format === 'avro' && {
      SCHEMA_REGISTRY_URL: addresses.schemaRegistryUrl,
      CONNECTOR_SCHEMA_REGISTRY_URL: addresses.connectorSchemaRegistryUrl,
    }),
    TOPIC_PREFIX: name,
    CONNECTOR_NAME: name,
    SLOT_NAME: name,
    PUBLICATION_NAME: name,
    CONSUMER_GROUP: name,
    LOG_LEVEL: 'warn',
    // This folder has no stack. Otherwise a command that reads JSON would take the registry from the bench's own stack.
    HISTORY_CDC_STATE_DIR: '/nonexistent',
  };
  const config = loadConfig(settings, undefined, NEEDS);
  await runSourceSql(databases.superuserUrlOf(database), sourceSql(config));
  return { name, database, format, settings, config, topic: topicNames(config).data };
}

interface StreamingCopy {
  readonly name: string;
  /** The database that is copied. */
  readonly database: string;
}

/** A copy of a database with a connector of its own, for the time of the work; the work starts it. */
export async function withStreamingCopy<T>(
  stack: BenchStack,
  { name, database }: StreamingCopy,
  work: (source: Source) => Promise<T>,
): Promise<T> {
  return await stack.databases.withCopy(database, async (copy) => {
    const source = await prepareSource(stack, { name, database: copy, format: 'avro' });
    try {
      return await work(source);
    } finally {
      await removeConnector(stack, source);
      await removeTopics(source);
    }
  });
}

/** Takes the whole table into the topic, and removes the connector and its slot: the topic stays as it is. */
export async function fillTopic(stack: BenchStack, source: Source): Promise<void> {
  await applyConnector(source.config, { note: () => undefined });
  await removeConnector(stack, source);
}

export async function removeConnector(stack: BenchStack, { config, name }: Source): Promise<void> {
  const connect = connectClient(config);
  if ((await connect.config(name)) !== undefined) await connect.delete(name);
  const dropped = await stack.databases.asSuperuser((pool) =>
    waitUntil(() => droppedSlot(pool, name), { withinMs: SLOT_WITHIN_MS }),
  );
  if (!dropped) throw new Error(`somebody still reads the slot ${name}`);
}

const OBJECT_IN_USE = '55006';

/** Drops the slot. False while somebody reads it. */
async function droppedSlot(pool: Pool, slot: string): Promise<boolean> {
  try {
    await pool.query(
      'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1',
      [slot],
    );
    return true;
  } catch (error) {
    if (sqlState(error) === OBJECT_IN_USE) return false;
    throw error;
  }
}

async function removeTopics({ config }: Source): Promise<void> {
  await withCluster(config, async (cluster) => {
    const there = new Set(await cluster.listTopics());
    await cluster.deleteTopics(Object.values(topicNames(config)).filter((topic) => there.has(topic)));
  });
}

export async function withCluster<T>(
  config: SourceConfig,
  work: (cluster: KafkaCluster) => Promise<T>,
): Promise<T> {
  const cluster = await KafkaCluster.connect(config, createLogger('silent'));
  try {
    return await work(cluster);
  } finally {
    await cluster.close();
  }
}

/** Records in a topic so far. */
export async function recordsIn(cluster: KafkaCluster, topic: string): Promise<number> {
  const watermarks = await cluster.watermarks(topic);
  return Number([...watermarks.values()].reduce((sum, { high }) => sum + high, 0n));
}
