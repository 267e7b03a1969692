import { readFileSync } from 'node:fs';
import type { ConfigWith } from '../../lib/config.ts';
import { FatalError } from '../../lib/errors.ts';
import type { TopicSpec } from '../../lib/kafka-cluster.ts';
import { topicNames } from '../../lib/names.ts';
import { largestMessageBytes } from './message-limit.ts';
import { fillTemplate, type TemplateValues } from './template.ts';

export type ConnectorConfig = Readonly<Record<string, string>>;
export type DesiredConfig = ConfigWith<'CONNECTOR_DATABASE_URL'>;

/** What `connector apply` brings about. */
export interface DesiredConnector {
  readonly name: string;
  readonly config: ConnectorConfig;
  readonly topics: readonly TopicSpec[];
}

const CONNECTOR_FILE = new URL('../agent-test-history.json', import.meta.url);
const JSON_CONVERTERS_FILE = new URL('../converters-json.json', import.meta.url);
const SECURE_SETTINGS_FILE = new URL('../secure-settings.json', import.meta.url);
const DAY_MS = 86_400_000;
/** A broker with a codec of its own would compress what our producer did not, and kafkajs reads neither zstd, lz4 nor snappy. */
const READABLE = { 'compression.type': 'producer' } as const;

export function desiredConnector(config: DesiredConfig): DesiredConnector {
  return {
    name: config.CONNECTOR_NAME,
    config: connectorConfig(config),
    topics: desiredTopics(config),
  };
}

/**
 * The connector file with its placeholders filled. Without a registry its converters give way to those of
 * converters-json.json: the rest of the file is the same for both. Of secure-settings.json come those that the
 * settings ask for.
 */
function connectorConfig(config: DesiredConfig): ConnectorConfig {
  const file = readJson(CONNECTOR_FILE) as { readonly name: string; readonly config: ConnectorConfig };
  const template =
    config.CONNECTOR_SCHEMA_REGISTRY_URL === undefined ? withJsonConverters(file.config) : file.config;
  const values = templateValues(config);
  // Connect keeps the name among the settings: with it, what is wanted and what is there compare as they are.
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

/** The authority of the database's certificate and the login to the registry, each where there is one. */
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
    // Connect would take it for a reference to a secret of its own, and fill it.
    if (value?.includes('${') === true) throw unusable(`the value for {{${name}}} holds "\${"`);
  }
  return values;
}

const URL_PARAMETERS = new Set(['sslmode', 'sslrootcert']);

/** Everything of CONNECTOR_DATABASE_URL but its password, which never leaves this process. */
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

/** The address without its user: the converter has settings of their own for that, the password is the worker's. */
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
 * Every topic that the connector writes to. The broker must not make them: it would give the data topic one
 * partition and an end to its retention, and where it may not make topics at all, one missing topic blocks the
 * producer for good while Connect says RUNNING.
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
      // Only whole segments are deleted, and the open one never: it must be closed well before the retention ends.
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
    // A few records, and the only evidence that the initial snapshot was completed: kept.
    small(names.notifications, -1),
  ];
}
