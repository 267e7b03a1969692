import { readFileSync } from 'node:fs';
import type { ConfigWith } from '../../lib/config.ts';
import { FatalError } from '../../lib/errors.ts';
import type { TopicSpec } from '../../lib/kafka-cluster.ts';
import { topicNames } from '../../lib/names.ts';
import { largestMessageBytes } from './message-limit.ts';
import { fillTemplate, type TemplateValues } from './template.ts';

export type ConnectorConfig = Readonly<Record<string, string>>;
export type DesiredConfig = ConfigWith<'CONNECTOR_DATABASE_URL'>;

/** The state that `connector apply` creates. */
export interface DesiredConnector {
  readonly name: string;
  readonly config: ConnectorConfig;
  readonly topics: readonly TopicSpec[];
}

const CONNECTOR_FILE = new URL('../agent-test-history.json', import.meta.url);
const JSON_CONVERTERS_FILE = new URL('../converters-json.json', import.meta.url);
const SECURE_SETTINGS_FILE = new URL('../secure-settings.json', import.meta.url);
const DAY_MS = 86_400_000;
/** With another setting, the broker compresses each batch again with its own codec, which costs its CPU and ours. */
const READABLE = { 'compression.type': 'producer' } as const;

export function desiredConnector(config: DesiredConfig): DesiredConnector {
  return {
    name: config.CONNECTOR_NAME,
    config: connectorConfig(config),
    topics: desiredTopics(config),
  };
}

/**
 * Fills the placeholders of the connector file. Without a registry, converters-json.json replaces the converters; the
 * rest of the file is the same for both. From secure-settings.json it adds only what our settings ask for.
 */
function connectorConfig(config: DesiredConfig): ConnectorConfig {
  const file = readJson(CONNECTOR_FILE) as { readonly name: string; readonly config: ConnectorConfig };
  const template =
    config.CONNECTOR_SCHEMA_REGISTRY_URL === undefined ? withJsonConverters(file.config) : file.config;
  const values = templateValues(config);
  // Connect stores the name among the settings. With the name, the wanted and the actual settings can be compared
  // directly.
  const entries = [
    ['name', file.name] as const,
    ...Object.entries(template),
    ...Object.entries(secureSettings(values)),
  ];
  return Object.fromEntries(entries.map(([key, value]) => [key, fillTemplate(value, values)]));
}

function withJsonConverters(template: ConnectorConfig): ConnectorConfig {
  const others = Object.entries(template).filter(([key]) => !/^(key|value)\.converter(\.|$)/.test(key));
  return { ...Object.fromEntries(others), ...(readJson(JSON_CONVERTERS_FILE) as ConnectorConfig) };
}

/** The authority of the database's certificate, and the login to the registry, if the settings name them. */
function secureSettings({ databaseSslRootCert, registryUser }: TemplateValues): ConnectorConfig {
  const all = Object.entries(readJson(SECURE_SETTINGS_FILE) as ConnectorConfig);
  return Object.fromEntries(
    all.filter(([key]) => (key.startsWith('database.') ? databaseSslRootCert : registryUser) !== undefined),
  );
}

function readJson(file: URL): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}

function templateValues(config: DesiredConfig): TemplateValues {
  const values = {
    connectorName: config.CONNECTOR_NAME,
    ...databaseValues(config.CONNECTOR_DATABASE_URL),
    publicationName: config.PUBLICATION_NAME,
    slotName: config.SLOT_NAME,
    topicPrefix: config.TOPIC_PREFIX,
    notificationTopic: topicNames(config).notifications,
    unavailablePlaceholder: config.UNAVAILABLE_PLACEHOLDER,
    ...registryValues(config.CONNECTOR_SCHEMA_REGISTRY_URL),
  };
  for (const [name, value] of Object.entries(values)) {
    // Connect would take such a value for a reference to one of its own secrets, and replace it.
    if (value?.includes('${') === true) throw unusable(`the value for {{${name}}} holds "\${"`);
  }
  return values;
}

const URL_PARAMETERS = new Set(['sslmode', 'sslrootcert']);

/** All parts of CONNECTOR_DATABASE_URL except the password, which never leaves this process. */
function databaseValues(text: string) {
  const url = new URL(text);
  const unknown = [...url.searchParams.keys()].filter((name) => !URL_PARAMETERS.has(name));
  if (unknown.length > 0) {
    throw unusable(
      `CONNECTOR_DATABASE_URL has parameters that no setting of the connector stands for: ${unknown.join(', ')}`,
    );
  }
  const values = {
    databaseHost: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    databasePort: url.port === '' ? '5432' : url.port,
    databaseName: decodeURIComponent(url.pathname.slice(1)),
    databaseUser: decodeURIComponent(url.username),
    databaseSslMode: url.searchParams.get('sslmode') ?? 'prefer',
  };
  for (const [name, value] of Object.entries(values)) {
    if (value === '') throw unusable(`CONNECTOR_DATABASE_URL does not say {{${name}}}`);
  }
  return { ...values, databaseSslRootCert: url.searchParams.get('sslrootcert') ?? undefined };
}

/** The address without the user: the converter has separate settings for the login, and the worker has the password. */
function registryValues(text: string | undefined) {
  if (text === undefined) return { registryUrl: undefined, registryUser: undefined };
  const url = new URL(text);
  if (url.password !== '') {
    throw unusable('CONNECTOR_SCHEMA_REGISTRY_URL holds a password, which anybody could read in Connect');
  }
  if (url.username === '') return { registryUrl: text, registryUser: undefined };
  const registryUser = decodeURIComponent(url.username);
  url.username = '';
  return { registryUrl: url.href, registryUser };
}

function unusable(message: string): FatalError {
  return new FatalError({
    code: 'CONFIG_INVALID',
    message,
    wayOut:
      'CONNECTOR_DATABASE_URL is postgresql://user@host:port/database, with ?sslmode=verify-full&sslrootcert=… as the worker sees that file; secrets belong in the environment of the Connect process (connectors/README.md)',
  });
}

/**
 * Every topic that the connector writes to. The broker must not create them: it would give the data topic one partition
 * and a limited retention. If the broker may not create topics, one missing topic blocks the producer for ever while
 * Connect reports RUNNING.
 */
function desiredTopics(config: DesiredConfig): TopicSpec[] {
  const names = topicNames(config);
  const replication = config.TOPIC_REPLICATION;
  const small = (name: string, retentionMs: number): TopicSpec => ({
    name,
    partitions: 1,
    replication,
    config: {
      ...READABLE,
      'cleanup.policy': 'delete',
      'retention.ms': String(retentionMs),
      // Kafka deletes whole segments only, and never the open one, so a segment must be closed well before the
      // retention ends.
      'segment.ms': String(DAY_MS / 4),
    },
  });
  return [
    {
      name: names.data,
      partitions: config.TOPIC_PARTITIONS,
      replication,
      config: {
        ...READABLE,
        'cleanup.policy': 'delete',
        'retention.ms': '-1',
        'retention.bytes': '-1',
        'max.message.bytes': String(largestMessageBytes()),
      },
    },
    small(names.heartbeatTable, DAY_MS),
    small(names.heartbeat, DAY_MS),
    small(names.signal, 7 * DAY_MS),
    // These few records are kept for ever: they are the only evidence that the initial snapshot was completed.
    small(names.notifications, -1),
  ];
}
