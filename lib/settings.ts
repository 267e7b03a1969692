/** One setting, as `history-cdc config` shows it. */
export interface Setting {
  readonly meaning: string;
  readonly default?: string;
  /** Never shown, wherever it comes from. */
  readonly secret?: true;
  /** A URL whose password is masked. */
  readonly credentials?: true;
}

/** Every environment variable that history-cdc reads, in the order in which `config` lists them. */
export const SETTINGS = {
  DATABASE_URL: {
    meaning: 'Postgres with the canonical tables, the dimensions and the ledger',
    credentials: true,
  },
  LEGACY_DATABASE_URL: {
    meaning: 'Postgres with agent_test_history; unset, it is DATABASE_URL',
    credentials: true,
  },
  CONNECTOR_DATABASE_URL: {
    meaning: 'the legacy database as Kafka Connect sees it; its password is never sent to Connect',
    credentials: true,
  },
  KAFKA_BROKERS: { meaning: 'Kafka bootstrap servers, host:port, several separated by commas' },
  KAFKA_TLS: { meaning: 'true: connect to Kafka by TLS, with host names verified', default: 'false' },
  KAFKA_TLS_CA_FILE: { meaning: "PEM file of the authority that signed the brokers' certificates" },
  KAFKA_TLS_CERT_FILE: { meaning: 'PEM file of the client certificate, for mutual TLS' },
  KAFKA_TLS_KEY_FILE: { meaning: 'PEM file of the client key, for mutual TLS' },
  KAFKA_SASL_MECHANISM: { meaning: 'plain, scram-sha-256 or scram-sha-512' },
  KAFKA_SASL_USERNAME: { meaning: 'user name for SASL' },
  KAFKA_SASL_PASSWORD: { meaning: 'password for SASL', secret: true },
  CONNECT_URL: {
    meaning: 'REST address of Kafka Connect; with user:password@ where it wants basic authentication',
    credentials: true,
  },
  CONNECT_TOKEN: { meaning: 'bearer token for Kafka Connect, instead of user and password', secret: true },
  CONNECT_CA_FILE: { meaning: "PEM file of the authority that signed Kafka Connect's certificate" },
  SCHEMA_REGISTRY_URL: {
    meaning: 'Confluent-compatible schema registry (Avro); unset, records must be JSON',
    credentials: true,
  },
  SCHEMA_REGISTRY_TOKEN: {
    meaning: 'bearer token for the schema registry, instead of user and password in its URL',
    secret: true,
  },
  SCHEMA_REGISTRY_CA_FILE: { meaning: "PEM file of the authority that signed the registry's certificate" },
  CONNECTOR_SCHEMA_REGISTRY_URL: {
    meaning:
      "the registry's own API as Kafka Connect sees it; with user@ where it wants basic authentication (the password is the worker's)",
    credentials: true,
  },
  CONNECTOR_NAME: { meaning: 'name of the connector in Kafka Connect', default: 'agent-test-history' },
  TOPIC_PREFIX: { meaning: "Debezium's topic.prefix: the first part of every topic name", default: 'aao' },
  TOPIC_PARTITIONS: {
    meaning: 'partitions of the data topic, when `connector apply` creates it',
    default: '4',
  },
  TOPIC_REPLICATION: {
    meaning: 'replication factor of the topics that `connector apply` creates',
    default: '1',
  },
  PUBLICATION_NAME: { meaning: "Postgres publication of the connector's tables", default: 'history_cdc' },
  SLOT_NAME: { meaning: 'Postgres replication slot of the connector', default: 'history_cdc' },
  CONSUMER_GROUP: { meaning: 'Kafka consumer group of the projectors', default: 'agent-history-projector' },
  UNAVAILABLE_PLACEHOLDER: {
    meaning: "Debezium's unavailable.value.placeholder: stands for a TOAST value left out of an event",
    default: '__history_cdc_unavailable_b7a1f6d2e94c__',
  },
  OPT_OUT_POLICY: {
    meaning: 'respect: runs on agents that opted out of monitoring are not projected; project: they are',
    default: 'respect',
  },
  MATCH_WINDOW_SECONDS: {
    meaning: 'how far apart the start of a legacy row and the test of its live twin may be, either way',
    default: '120',
  },
  SETTLE_MARGIN_SECONDS: {
    meaning: 'beyond the match window, how long the stream may still change which live row is whose twin',
    default: '600',
  },
  SWEEP_INTERVAL_SECONDS: {
    meaning: 'how often `project` looks for live rows and memberships that came late; 0: never',
    default: '15',
  },
  WATCHDOG_SECONDS: {
    meaning:
      'how often `project` looks at source, slot, stream and connector; 0: only when it begins, and when it ends by itself',
    default: '15',
  },
  WATCHDOG_STALL_SECONDS: {
    meaning:
      'for how long the source may move and the ledger not, before `project` says that it is not ready',
    default: '60',
  },
  WATCHDOG_RESTARTS: {
    meaning: 'how many times an hour `project` restarts a connector whose task has failed; 0: never',
    default: '5',
  },
  OWNERSHIP_GRACE_HOURS: {
    meaning: "for how long a stranger's run is decided anew when a late membership makes it an owner's",
    default: '24',
  },
  CANONICAL_RETENTION_DAYS: {
    meaning:
      'after how many days the application prunes canonical rows: a row that is missing and older was pruned, a younger one was lost; unset: nothing is pruned',
  },
  BATCH_ROWS: { meaning: 'records a transaction, at most', default: '4000' },
  BATCH_BYTES: { meaning: 'bytes of records a transaction, at most', default: '8388608' },
  PARTITIONS_AT_ONCE: {
    meaning: 'transactions at once, each on a Postgres connection of its own',
    default: '2',
  },
  QUARANTINE_MAX_SHARE: {
    meaning:
      'quarantined records, 0 to 1 of QUARANTINE_WINDOW, beyond which the projector stops; 1: it never does',
    default: '0.1',
  },
  QUARANTINE_WINDOW: {
    meaning:
      'size of the sliding window, in records, over which QUARANTINE_MAX_SHARE is measured; it outlives a restart',
    default: '1000',
  },
  PARKED_RETENTION_DAYS: {
    meaning:
      'after how many days the content of parked records that were healed or waived is removed; hash, size and reason stay',
    default: '90',
  },
  RECORD_MAX_BYTES: {
    meaning:
      'bytes of one record; a larger one is parked by its position, hash and size, without its content',
    default: '33554432',
  },
  HTTP_HOST: { meaning: 'address of /healthz, /readyz and /metrics', default: '127.0.0.1' },
  HTTP_PORT: { meaning: 'port of /healthz, /readyz and /metrics; 0: any free port', default: '9464' },
  HISTORY_CDC_STACK: {
    meaning: 'the local stack whose addresses the commands take where no variable gives one',
    default: 'local',
  },
  HISTORY_CDC_STATE_DIR: {
    meaning: 'folder of the local stacks: jars, data, logs; unset, it is .stack in the checkout',
  },
  LOG_LEVEL: { meaning: 'debug, info, warn, error or silent', default: 'info' },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof SETTINGS;

export function settingOf(name: SettingName): Setting {
  return SETTINGS[name];
}

const MASK = '***';

/** A setting's value as it may be printed. */
export function maskSetting(name: SettingName, value: string): string {
  const setting = settingOf(name);
  if (setting.secret === true) return MASK;
  if (setting.credentials !== true) return value;
  // What is not a whole URL (`host=db password=…`, a # in the password) may hold its password anywhere.
  if (!/^[a-z]+:\/\/[^#]*$/i.test(value) || !URL.canParse(value)) return MASK;
  const url = new URL(value);
  if (url.password !== '') url.password = MASK;
  for (const parameter of ['password', 'sslpassword']) {
    if (url.searchParams.has(parameter)) url.searchParams.set(parameter, MASK);
  }
  return url.href;
}
