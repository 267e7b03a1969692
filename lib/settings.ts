import { RETIREMENT_SETTINGS } from './retirement-settings.ts';

/** One setting, as `history-cdc config` shows it. */
export interface Setting {
  readonly meaning: string;
  readonly default?: string;
  /** Never shown, wherever it comes from. */
  readonly secret?: true;
  /** A URL whose password is masked. */
  readonly credentials?: true;
  /** A URL that may hold a secret anywhere: only its scheme and its host are shown. */
  readonly address?: true;
}

/** Every environment variable that history-cdc reads, in the order in which `config` lists them. */
export const SETTINGS = {
  DATABASE_URL: {
    meaning: 'Postgres with the canonical tables, the tables that are looked up, and the ledger',
    credentials: true,
  },
  LEGACY_DATABASE_URL: {
    meaning: 'Postgres with agent_test_history; if unset, it is DATABASE_URL',
    credentials: true,
  },
  CONNECTOR_DATABASE_URL: {
    meaning: 'the legacy database as Kafka Connect reaches it; its password is never sent to Connect',
    credentials: true,
  },
  OWNER_DATABASE_URL: {
    meaning:
      'the legacy database as the role that owns agent_test_history; only `retire fence`, `unfence` and `drop` read it, so set it for these commands only',
    credentials: true,
  },
  KAFKA_BROKERS: { meaning: 'Kafka bootstrap servers: host:port, separated by commas' },
  KAFKA_TLS: { meaning: 'true: connect to Kafka with TLS, and verify host names', default: 'false' },
  KAFKA_TLS_CA_FILE: { meaning: "PEM file of the authority that signed the brokers' certificates" },
  KAFKA_TLS_CERT_FILE: { meaning: 'PEM file of the client certificate, for mutual TLS' },
  KAFKA_TLS_KEY_FILE: { meaning: 'PEM file of the client key, for mutual TLS' },
  KAFKA_SASL_MECHANISM: { meaning: 'plain, scram-sha-256 or scram-sha-512' },
  KAFKA_SASL_USERNAME: { meaning: 'user name for SASL' },
  KAFKA_SASL_PASSWORD: { meaning: 'password for SASL', secret: true },
  CONNECT_URL: {
    meaning: 'REST address of Kafka Connect; with user:password@ if it wants basic authentication',
    credentials: true,
  },
  CONNECT_TOKEN: { meaning: 'bearer token for Kafka Connect, instead of user and password', secret: true },
  CONNECT_CA_FILE: { meaning: "PEM file of the authority that signed Kafka Connect's certificate" },
  SCHEMA_REGISTRY_URL: {
    meaning: 'Confluent-compatible schema registry (Avro); if unset, records must be JSON',
    credentials: true,
  },
  SCHEMA_REGISTRY_TOKEN: {
    meaning: 'bearer token for the schema registry, instead of user and password in its URL',
    secret: true,
  },
  SCHEMA_REGISTRY_CA_FILE: { meaning: "PEM file of the authority that signed the registry's certificate" },
  CONNECTOR_SCHEMA_REGISTRY_URL: {
    meaning:
      "the registry's own API as Kafka Connect reaches it; with user@ if it wants basic authentication (the worker has the password)",
    credentials: true,
  },
  CONNECTOR_NAME: { meaning: 'name of the connector in Kafka Connect', default: 'agent-test-history' },
  TOPIC_PREFIX: { meaning: "Debezium's topic.prefix: the first part of every topic name", default: 'aao' },
  TOPIC_PARTITIONS: {
    meaning: 'number of partitions with which `connector apply` creates the data topic',
    default: '4',
  },
  TOPIC_REPLICATION: {
    meaning: 'replication factor with which `connector apply` creates topics',
    default: '1',
  },
  PUBLICATION_NAME: { meaning: "Postgres publication of the connector's tables", default: 'history_cdc' },
  SLOT_NAME: { meaning: 'Postgres replication slot of the connector', default: 'history_cdc' },
  CONSUMER_GROUP: { meaning: 'Kafka consumer group of the projectors', default: 'agent-history-projector' },
  UNAVAILABLE_PLACEHOLDER: {
    meaning:
      "Debezium's unavailable.value.placeholder, which stands for a large (TOAST) value that an event leaves out",
    default: '__history_cdc_unavailable_b7a1f6d2e94c__',
  },
  OPT_OUT_POLICY: {
    meaning: 'runs on agents that opted out of monitoring: respect does not project them, project does',
    default: 'respect',
  },
  MATCH_WINDOW_SECONDS: {
    meaning: 'how far apart, in either direction, the times of a legacy row and its live twin may be',
    default: '120',
  },
  SETTLE_MARGIN_SECONDS: {
    meaning: 'how long after the match window the projector may still change which live row is whose twin',
    default: '600',
  },
  SWEEP_INTERVAL_SECONDS: {
    meaning: 'how often `project` looks for live rows and memberships that came late; 0: never',
    default: '15',
  },
  WATCHDOG_SECONDS: {
    meaning:
      'how often `project` checks source, slot, stream and connector; 0: only when it begins, and when it ends by itself',
    default: '15',
  },
  WATCHDOG_STALL_SECONDS: {
    meaning:
      'how long the source may move while the ledger does not, before `project` reports that it is not ready',
    default: '60',
  },
  WATCHDOG_RESTARTS: {
    meaning: 'how many times per hour `project` restarts a connector whose task has failed; 0: never',
    default: '5',
  },
  VERIFY_ROWS_PER_SECOND: {
    meaning:
      'how many rows per second all projectors together compare again with what they projected; 0: they verify nothing, and `status` says that nothing is known',
    default: '500',
  },
  VERIFY_AFTER_SECONDS: {
    meaning: 'how long after a change the changed row is compared again, at the earliest',
    default: '120',
  },
  VERIFY_MAX_SHARE: {
    meaning:
      'largest share of the time (0.01 to 1) in which the verification may work; in the rest it pauses. Raise it to finish a pass over everything sooner',
    default: '0.1',
  },
  OWNERSHIP_GRACE_HOURS: {
    meaning:
      "how long after the decision a stranger's run is decided again, if a late membership makes the user an owner",
    default: '24',
  },
  CANONICAL_RETENTION_DAYS: {
    meaning:
      'after how many days the application prunes canonical rows: an older row that is missing counts as pruned, a younger one as lost; if unset, nothing is pruned',
  },
  BATCH_ROWS: { meaning: 'maximum number of records per transaction', default: '4000' },
  BATCH_BYTES: { meaning: 'maximum size of the records of a transaction, in bytes', default: '8388608' },
  PARTITIONS_AT_ONCE: {
    meaning: 'number of transactions at once; each has its own Postgres connection',
    default: '2',
  },
  QUARANTINE_MAX_SHARE: {
    meaning:
      'the projector stops if more than this share (0 to 1) of the last QUARANTINE_WINDOW records would be quarantined; 1: it never stops for that',
    default: '0.1',
  },
  QUARANTINE_WINDOW: {
    meaning:
      'size of the sliding window, in records, over which QUARANTINE_MAX_SHARE is measured; the window survives a restart',
    default: '1000',
  },
  PARKED_RETENTION_DAYS: {
    meaning:
      'how many days after a parked record was healed or waived its content is removed; hash, size and reason stay',
    default: '90',
  },
  ...RETIREMENT_SETTINGS,
  PGPASSWORD: { meaning: 'password for Postgres, where an address has none', secret: true },
  PGPASSFILE: {
    meaning:
      'file with passwords for Postgres, where neither an address nor PGPASSWORD has one; if unset, it is ~/.pgpass',
  },
  HTTP_HOST: { meaning: 'address of /healthz, /readyz and /metrics', default: '127.0.0.1' },
  HTTP_PORT: { meaning: 'port of /healthz, /readyz and /metrics; 0: any free port', default: '9464' },
  CONSOLE_HOST: {
    meaning: 'address of `console`; on one that is not loopback, visitors must sign in',
    default: '127.0.0.1',
  },
  CONSOLE_PORT: { meaning: 'port of `console`; 0: any free port', default: '9465' },
  CONSOLE_HOSTS: {
    meaning:
      'further host names under which `console` answers, separated by commas, as a browser sends them in Host, without the port',
  },
  CONSOLE_SIGN_IN: {
    meaning:
      'true: `console` shows values of rows only to people who signed in, as it does with --actions and on an address that is not loopback',
    default: 'false',
  },
  CONSOLE_IDENTITY_HEADER: {
    meaning:
      'header in which a proxy names the person who looks at `console`; it replaces the token, and counts only from CONSOLE_TRUSTED_PROXIES',
  },
  CONSOLE_TRUSTED_PROXIES: {
    meaning: 'addresses or networks (10.0.0.0/8) of the proxies that may name a person, separated by commas',
  },
  HISTORY_CDC_STACK: {
    meaning: 'the local stack from which commands take the addresses that no variable sets',
    default: 'local',
  },
  HISTORY_CDC_STATE_DIR: {
    meaning:
      'folder of the local stacks (jars, data, logs); if unset, .stack in the checkout, or below XDG_STATE_HOME for an installed package',
  },
  LOG_LEVEL: { meaning: 'debug, info, warn, error or silent', default: 'info' },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof SETTINGS;

export function settingOf(name: SettingName): Setting {
  return SETTINGS[name];
}

/** True if `NAME_FILE` may name a file with the value: so it is for every setting that may hold a secret. */
export function isReadFromFile(name: SettingName): boolean {
  const { secret, credentials } = settingOf(name);
  return secret === true || credentials === true;
}

const MASK = '***';

/** A setting's value as it may be printed. */
export function maskSetting(name: SettingName, value: string): string {
  const setting = settingOf(name);
  if (setting.secret === true) return MASK;
  if (setting.address === true)
    return /^https?:/.test(value) && URL.canParse(value) ? `${new URL(value).origin}/${MASK}` : MASK;
  if (setting.credentials !== true) return value;
  // A text that is not a whole URL (`host=db password=…`, a # in the password) may contain the password anywhere.
  if (!/^[a-z]+:\/\/[^#]*$/i.test(value) || !URL.canParse(value)) return MASK;
  const url = new URL(value);
  if (url.password !== '') url.password = MASK;
  for (const parameter of ['password', 'sslpassword']) {
    if (url.searchParams.has(parameter)) url.searchParams.set(parameter, MASK);
  }
  return url.href;
}
