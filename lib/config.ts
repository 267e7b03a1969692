import { isIP } from 'node:net';
import { z } from 'zod';
import { brokers, httpUrl, OPENED_BY_US, postgresUrl, tlsProblems, url, withPassword } from './address.ts';
import { FatalError } from './errors.ts';
import { LOG_LEVELS } from './log.ts';
import { STACK_NAME } from './names.ts';
import { resolveSettings, type Environment, type ResolvedSettings } from './setting-sources.ts';
import { SETTINGS, type SettingName } from './settings.ts';

export type { Environment };

const list = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  );
/** A token that can stand in a header as it is. */
const bearerToken = z.string().regex(/^[\x21-\x7e]+$/, 'must be one word of printable ASCII');
const integer = (min: number, max: number) =>
  z.coerce
    .number({ error: 'must be a whole number' })
    .int('must be a whole number')
    .min(min, `must be at least ${String(min)}`)
    .max(max, `must be at most ${String(max)}`);
const share = (min: number) =>
  z.coerce
    .number({ error: 'must be a number' })
    .min(min, `must be at least ${String(min)}`)
    .max(1, 'must be at most 1');
const flag = z
  .enum(['true', 'false'], { error: 'must be true or false' })
  .transform((text) => text === 'true');
const plainHttpUrl = httpUrl.refine((text) => !URL.canParse(text) || new URL(text).username === '', {
  error: "must not have credentials: they come from the AWS SDK's own chain",
});
function isNetwork(text: string): boolean {
  const [address = '', length, ...rest] = text.split('/');
  const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  return (
    bits >= 0 &&
    rest.length === 0 &&
    (length === undefined || (/^\d+$/.test(length) && Number(length) <= bits))
  );
}
/** A bucket and a prefix, or a folder. A URL of another kind would become a folder with an odd name. */
const archiveTarget = z
  .string()
  .refine(
    (text) => /^s3:\/\/[a-z0-9][a-z0-9.-]{1,62}(\/[^?#]*)?$/.test(text) || !/^[a-z0-9]+:\/\//i.test(text),
    {
      error: 'must be s3://bucket/prefix, or a folder',
    },
  );
/** Keys as the Standard Webhooks specification writes them. */
const webhookKeys = z
  .string()
  .transform((text) => text.split(' ').filter((key) => key !== ''))
  .refine((keys) => keys.length > 0 && keys.every(isWebhookKey), {
    error: 'must be whsec_ and 24 to 64 bytes in base64; several keys are separated by a space',
  })
  .transform((keys) => keys.map((key) => Buffer.from(key.slice(WEBHOOK_KEY.length), 'base64')));
const WEBHOOK_KEY = 'whsec_';

function isWebhookKey(key: string): boolean {
  const encoded = key.slice(WEBHOOK_KEY.length);
  const { length } = Buffer.from(encoded, 'base64');
  return (
    key.startsWith(WEBHOOK_KEY) && /^[A-Za-z0-9+/]+={0,2}$/.test(encoded) && length >= 24 && length <= 64
  );
}

/** A name that is safe in a topic, a slot and an SQL identifier without quoting. */
const plainName = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,40}$/, 'must be lower-case letters, digits and _, and begin with a letter');

const schema = z.object({
  DATABASE_URL: postgresUrl.optional(),
  LEGACY_DATABASE_URL: postgresUrl.optional(),
  CONNECTOR_DATABASE_URL: postgresUrl.optional(),
  OWNER_DATABASE_URL: postgresUrl.optional(),
  KAFKA_BROKERS: brokers.optional(),
  KAFKA_TLS: flag,
  KAFKA_TLS_CA_FILE: z.string().optional(),
  KAFKA_TLS_CERT_FILE: z.string().optional(),
  KAFKA_TLS_KEY_FILE: z.string().optional(),
  KAFKA_SASL_MECHANISM: z
    .enum(['plain', 'scram-sha-256', 'scram-sha-512'], {
      error: 'must be plain, scram-sha-256 or scram-sha-512',
    })
    .optional(),
  KAFKA_SASL_USERNAME: z.string().optional(),
  KAFKA_SASL_PASSWORD: z.string().optional(),
  CONNECT_URL: httpUrl.optional(),
  CONNECT_TOKEN: bearerToken.optional(),
  CONNECT_CA_FILE: z.string().optional(),
  SCHEMA_REGISTRY_URL: httpUrl.optional(),
  SCHEMA_REGISTRY_TOKEN: bearerToken.optional(),
  SCHEMA_REGISTRY_CA_FILE: z.string().optional(),
  CONNECTOR_SCHEMA_REGISTRY_URL: httpUrl.optional(),
  CONNECTOR_NAME: z.string().regex(/^[A-Za-z0-9._-]+$/, 'must be letters, digits, dot, _ and -'),
  TOPIC_PREFIX: plainName,
  TOPIC_PARTITIONS: integer(1, 1000),
  TOPIC_REPLICATION: integer(1, 10),
  PUBLICATION_NAME: plainName,
  SLOT_NAME: plainName,
  CONSUMER_GROUP: z.string().min(1),
  UNAVAILABLE_PLACEHOLDER: z.string().min(16, 'must be at least 16 characters, so that nobody types it'),
  OPT_OUT_POLICY: z.enum(['respect', 'project'], { error: 'must be respect or project' }),
  MATCH_WINDOW_SECONDS: integer(1, 3600),
  SETTLE_MARGIN_SECONDS: integer(0, 86_400),
  SWEEP_INTERVAL_SECONDS: integer(0, 86_400),
  WATCHDOG_SECONDS: integer(0, 3600),
  WATCHDOG_STALL_SECONDS: integer(1, 86_400),
  WATCHDOG_RESTARTS: integer(0, 60),
  VERIFY_ROWS_PER_SECOND: integer(0, 100_000),
  VERIFY_AFTER_SECONDS: integer(1, 86_400),
  VERIFY_MAX_SHARE: share(0.01),
  OWNERSHIP_GRACE_HOURS: integer(0, 8760),
  CANONICAL_RETENTION_DAYS: integer(1, 36_500).optional(),
  BATCH_ROWS: integer(1, 20_000),
  BATCH_BYTES: integer(65_536, 268_435_456),
  PARTITIONS_AT_ONCE: integer(1, 32),
  QUARANTINE_MAX_SHARE: share(0),
  QUARANTINE_WINDOW: integer(1, 100_000),
  PARKED_RETENTION_DAYS: integer(1, 3650),
  SOAK_LIVE_DAYS: integer(1, 3650),
  SOAK_READ_DAYS: integer(1, 3650),
  SOAK_QUIET_DAYS: integer(1, 3650),
  RECORD_MAX_BYTES: integer(65_536, 268_435_456),
  RETIRE_FENCED_DAYS: integer(1, 3650),
  ARCHIVE_TARGET: archiveTarget.optional(),
  ARCHIVE_S3_ENDPOINT: plainHttpUrl.optional(),
  ARCHIVE_S3_REGION: z.string().min(1).optional(),
  ARCHIVE_S3_UNSIGNED: flag,
  ARCHIVE_ENCRYPTION: z.enum(['AES256', 'aws:kms', 'none'], {
    error: 'must be AES256, aws:kms or none',
  }),
  ARCHIVE_KMS_KEY: z.string().min(1).optional(),
  ARCHIVE_STORAGE_CLASS: z
    .string()
    .regex(/^[A-Z_]+$/, 'must be a storage class of S3')
    .optional(),
  ARCHIVE_OBJECT_LOCK: z
    .string()
    .regex(/^(governance|compliance):[1-9]\d{0,4}$/, 'must be governance:DAYS or compliance:DAYS')
    .optional(),
  RESTORE_DATABASE_URL: postgresUrl.optional(),
  WEBHOOK_URL: url('http:', 'https:').optional(),
  WEBHOOK_SECRET: webhookKeys.optional(),
  WEBHOOK_CA_FILE: z.string().optional(),
  WEBHOOK_GIVE_UP_HOURS: integer(1, 720),
  PGPASSWORD: z.string().optional(),
  PGPASSFILE: z.string().optional(),
  HTTP_HOST: z.string().min(1),
  HTTP_PORT: integer(0, 65_535),
  CONSOLE_HOST: z.string().min(1),
  CONSOLE_PORT: integer(0, 65_535),
  CONSOLE_HOSTS: list.refine((names) => names.every((name) => /^[a-z0-9.-]+$|^[0-9a-f:]+$/i.test(name)), {
    error: 'must be host names without port and scheme, separated by commas',
  }),
  CONSOLE_SIGN_IN: flag,
  CONSOLE_IDENTITY_HEADER: z
    .string()
    .regex(/^[A-Za-z0-9-]+$/, 'must be the name of a header')
    .optional(),
  CONSOLE_TRUSTED_PROXIES: list.refine((addresses) => addresses.every(isNetwork), {
    error: 'must be IP addresses, or networks such as 10.0.0.0/8, separated by commas',
  }),
  HISTORY_CDC_STACK: z
    .string()
    .regex(STACK_NAME, 'must be lower-case letters, digits and dashes, at most 41, and no dash in front'),
  HISTORY_CDC_STATE_DIR: z.string().optional(),
  LOG_LEVEL: z.enum(LOG_LEVELS, { error: `must be one of ${LOG_LEVELS.join(', ')}` }),
}) satisfies z.ZodObject<Record<SettingName, z.ZodType>>;

/** Every setting, checked and frozen. The names are those of the environment variables; `settings.ts` explains them. */
export type Config = Readonly<z.output<typeof schema>>;

/** A configuration in which the named settings are certain to have a value. */
export type ConfigWith<K extends keyof Config> = Config & { readonly [P in K]-?: NonNullable<Config[P]> };

/** Parses the configuration once; throws one `CONFIG_INVALID` that lists every problem. Never shows a value. */
export function loadConfig<K extends keyof Config = never>(
  environment: Environment,
  localStack: Environment | undefined,
  needs: readonly K[] = [],
): ConfigWith<K> {
  const settings = resolveSettings(environment, localStack);
  const texts = Object.fromEntries(Object.entries(settings).map(([name, { text }]) => [name, text]));
  const parsed = schema.safeParse(texts);
  const problems = parsed.success
    ? []
    : parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`);
  problems.push(
    ...Object.entries(settings).flatMap(([name, { problem }]) =>
      problem === undefined ? [] : [`${name} ${problem}`],
    ),
  );
  const missing = needs.filter((name) => isMissing(name, settings));
  problems.push(...missing.map((name) => `${name} is not set: ${SETTINGS[name].meaning}`));
  problems.push(...tlsProblems(environment, settings));
  if (!parsed.success || problems.length > 0) throw invalid(problems);
  const data = withPasswordFromFile(parsed.data, settings);
  const config: Config = { ...data, LEGACY_DATABASE_URL: data.LEGACY_DATABASE_URL ?? data.DATABASE_URL };
  const inconsistent = contradictions(config);
  if (inconsistent.length > 0) throw invalid(inconsistent);
  return Object.freeze(config) as ConfigWith<K>;
}

function isMissing(name: keyof Config, settings: ResolvedSettings): boolean {
  const { text, problem } = settings[name];
  if (text !== undefined || problem !== undefined) return false;
  return name !== 'LEGACY_DATABASE_URL' || isMissing('DATABASE_URL', settings);
}

/**
 * The driver of Postgres reads PGPASSWORD from the environment of the process, where a password from PGPASSWORD_FILE is
 * not. So the addresses that have no password get it.
 */
function withPasswordFromFile(config: Config, { PGPASSWORD: password }: ResolvedSettings): Config {
  if (password.source !== 'file' || password.text === undefined) return config;
  const { text } = password;
  const given = OPENED_BY_US.flatMap((name) => {
    const url = config[name];
    return url === undefined ? [] : [[name, withPassword(url, text)] as const];
  });
  return { ...config, ...Object.fromEntries(given) };
}

function contradictions(config: Config): string[] {
  const problems: string[] = [];
  const { KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD } = config;
  if (
    KAFKA_SASL_MECHANISM !== undefined &&
    (KAFKA_SASL_USERNAME === undefined || KAFKA_SASL_PASSWORD === undefined)
  ) {
    problems.push(
      'KAFKA_SASL_MECHANISM is set, so KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD must be set too',
    );
  }
  if ((config.KAFKA_TLS_CERT_FILE === undefined) !== (config.KAFKA_TLS_KEY_FILE === undefined)) {
    problems.push('KAFKA_TLS_CERT_FILE and KAFKA_TLS_KEY_FILE go together');
  }
  if ((config.CONSOLE_IDENTITY_HEADER === undefined) !== (config.CONSOLE_TRUSTED_PROXIES.length === 0)) {
    problems.push('CONSOLE_IDENTITY_HEADER and CONSOLE_TRUSTED_PROXIES go together');
  }
  if (config.ARCHIVE_KMS_KEY !== undefined && config.ARCHIVE_ENCRYPTION !== 'aws:kms')
    problems.push('ARCHIVE_KMS_KEY is set, so ARCHIVE_ENCRYPTION must be aws:kms');
  if (config.WEBHOOK_URL !== undefined && config.WEBHOOK_SECRET === undefined)
    problems.push('WEBHOOK_URL is set, so WEBHOOK_SECRET must be set too: no message is sent unsigned');
  return problems;
}

function invalid(problems: readonly string[]): FatalError {
  return new FatalError({
    code: 'CONFIG_INVALID',
    message: `the configuration has ${String(problems.length)} problem(s):\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
    wayOut:
      '`history-cdc config` lists every setting with its meaning; `history-cdc stack up` starts a local stack that sets the addresses',
  });
}
