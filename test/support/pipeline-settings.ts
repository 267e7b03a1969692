import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import type { TestDatabase } from './database.ts';

/** What Debezium writes: Avro by the registry, or JSON without one. */
export type Converter = 'avro' | 'json';

/** Everything of a deployment that has a name gets one of its own. */
export function pipelineSettings(
  database: TestDatabase,
  { converter, partitions }: { readonly converter: Converter; readonly partitions: number },
): Record<string, string> {
  const servers = inject('servers');
  const name = `t_${randomBytes(5).toString('hex')}`;
  return {
    DATABASE_URL: database.url,
    CONNECTOR_DATABASE_URL: database.connectorUrl,
    KAFKA_BROKERS: servers.kafkaBrokers,
    CONNECT_URL: servers.connectUrl,
    ...(converter === 'avro' && {
      SCHEMA_REGISTRY_URL: servers.schemaRegistryUrl,
      CONNECTOR_SCHEMA_REGISTRY_URL: servers.connectorSchemaRegistryUrl,
    }),
    TOPIC_PREFIX: name,
    TOPIC_PARTITIONS: String(partitions),
    CONNECTOR_NAME: name,
    SLOT_NAME: name,
    PUBLICATION_NAME: name,
    CONSUMER_GROUP: name,
    HTTP_PORT: '0',
    LOG_LEVEL: 'debug',
    // A stack that a developer has up in this checkout must not lend its addresses.
    HISTORY_CDC_STATE_DIR: '/nonexistent',
  };
}
