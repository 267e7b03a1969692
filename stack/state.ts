import { randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { Environment } from '../lib/config.ts';
import { STACK_NAME } from '../lib/names.ts';
import { isGiven } from '../lib/setting-sources.ts';
import { tlsFiles } from './certificates.ts';
import { isAlive, readRecord } from './process.ts';
import { given, stateFolder } from './state-folder.ts';
import { kafkaSettings, newSecure, secureSchema, WEB_USER } from './secure.ts';

/** The servers that a stack has by default. */
export const SERVER_NAMES = ['postgres', 'kafka', 'registry', 'connect'] as const;
/** All servers, with the object store, which only the archive needs. */
export const ALL_SERVERS = [...SERVER_NAMES, 's3'] as const;
export type ServerName = (typeof ALL_SERVERS)[number];

export const PORT_NAMES = [
  'postgres',
  'kafka',
  'kafkaController',
  'registry',
  'registryManagement',
  'connect',
  'connectMetrics',
  's3',
] as const;
export type PortName = (typeof PORT_NAMES)[number];

/** The roles of the stack's Postgres. Debezium logs in as `connector`, everything of ours as `app`. */
export const ROLES = {
  superuser: 'postgres',
  app: 'app',
  connector: 'history_cdc_connector',
  /** The projector's role in a secure stack. `migrate --grant-to` grants its rights. */
  projector: 'history_cdc_projector',
} as const;
export const DATABASE = 'app';
/** The bucket in the stack's object store. */
export const BUCKET = 'history-cdc';

const DEFAULT_INSTANCE = 'local';

const stateSchema = z.object({
  version: z.literal(1),
  name: z.string(),
  components: z.array(z.enum(ALL_SERVERS)),
  // An instance of an earlier release has no ports for s3 and Connect's metrics. `up` adds them.
  ports: z
    .partialRecord(z.enum(PORT_NAMES), z.number().int())
    .transform((ports) => ports as Record<PortName, number>),
  passwords: z.object({ superuser: z.string(), app: z.string(), connector: z.string() }),
  clusterId: z.string(),
  /** Postgres may lose what it committed when the machine dies; for tests only. */
  unsafeFast: z.boolean(),
  /** The process that owns the stack, if there is one. The stack must not outlive it. */
  owner: z.object({ pid: z.number().int(), startedAt: z.string() }).optional(),
  /** It cannot be changed after the instance was made. */
  secure: secureSchema.optional(),
});

/** What an instance keeps from one `up` to the next: ports and passwords, because clients and data depend on them. */
export type StackState = Readonly<z.output<typeof stateSchema>>;

/** The place of an instance. Its name decides where its folder is. */
export interface Instance {
  readonly name: string;
  readonly folder: string;
}

export interface StackAddresses {
  /** The database `app` as its owner, an ordinary role. */
  readonly databaseUrl: string;
  /** The same database as Debezium's role, without the password, which Connect has in its environment. */
  readonly connectorDatabaseUrl: string;
  /** The database `postgres` as superuser: to create databases and roles. */
  readonly superuserUrl: string;
  readonly kafkaBrokers: string;
  readonly connectUrl: string;
  readonly schemaRegistryUrl: string;
  readonly connectorSchemaRegistryUrl: string;
  readonly s3Url: string;
}

export function instanceOf(environment: Environment, name: string): Instance {
  return { name, folder: path.join(stateFolder(environment), 'instances', name) };
}

export function defaultInstanceName(environment: Environment): string {
  return given(environment, 'HISTORY_CDC_STACK') ?? DEFAULT_INSTANCE;
}

/** The folder of the certificates of a secure instance. */
export function tlsFolder(instance: Instance): string {
  return path.join(instance.folder, 'tls');
}

export function pidFile(instance: Instance, server: ServerName): string {
  return path.join(instance.folder, 'run', `${server}.pid`);
}

export function logFile(instance: Instance, server: ServerName): string {
  return path.join(instance.folder, 'logs', `${server}.log`);
}

export function isServerAlive(instance: Instance, server: ServerName): boolean {
  const recorded = readRecord(pidFile(instance, server));
  return recorded !== undefined && isAlive(recorded);
}

export interface ListedStack {
  readonly name: string;
  readonly folder: string;
  /** The servers whose process lives. `stackStatus` asks whether they answer. */
  readonly running: readonly ServerName[];
  readonly notRunning: readonly ServerName[];
}

/** The stacks of this checkout, sorted by name. It reads files only, and asks no server. */
export function listStacks(environment: Environment): readonly ListedStack[] {
  const instances = path.join(stateFolder(environment), 'instances');
  return folders(instances).flatMap((name) => {
    const instance = instanceOf(environment, name);
    const state = readState(instance);
    if (state === undefined) return [];
    const alive = new Set(state.components.filter((server) => isServerAlive(instance, server)));
    return {
      ...instance,
      running: state.components.filter((server) => alive.has(server)),
      notRunning: state.components.filter((server) => !alive.has(server)),
    };
  });
}

function folders(parent: string): string[] {
  try {
    const entries = readdirSync(parent, { withFileTypes: true });
    return entries.flatMap((entry) => (entry.isDirectory() ? entry.name : [])).sort();
  } catch {
    return [];
  }
}

/** Undefined if the instance does not exist, or if a release wrote its file that this release cannot read. */
export function readState(instance: Instance): StackState | undefined {
  try {
    return stateSchema.parse(JSON.parse(readFileSync(path.join(instance.folder, 'state.json'), 'utf8')));
  } catch {
    return undefined;
  }
}

/**
 * Replaces the file in one step, so that a reader or a crash never finds half of it. Mode 0600, because it contains
 * passwords.
 */
export function writeState(instance: Instance, state: StackState): void {
  mkdirSync(instance.folder, { recursive: true });
  const next = path.join(instance.folder, `.state-${randomUUID()}.json`);
  writeFileSync(next, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  renameSync(next, path.join(instance.folder, 'state.json'));
}

export function newState(
  given: Pick<StackState, 'name' | 'components' | 'ports' | 'unsafeFast' | 'owner'>,
  tls?: string,
): StackState {
  const password = () => randomBytes(18).toString('base64url');
  return {
    version: 1,
    ...given,
    passwords: { superuser: password(), app: password(), connector: password() },
    // This is Kafka's form of a random id. It must not begin with a dash, because it becomes an argument.
    clusterId: `k${randomBytes(16).toString('base64url').slice(1)}`,
    ...(tls !== undefined && { secure: newSecure(tls) }),
  };
}

export function addressesOf(state: StackState): StackAddresses {
  const { ports, passwords, secure } = state;
  const web = (port: number, login: string) =>
    `${secure === undefined ? 'http://' : `https://${login}@`}127.0.0.1:${String(port)}`;
  const registry = secure?.passwords.registry ?? '';
  return {
    databaseUrl: postgresUrl(state, `${ROLES.app}:${passwords.app}`, DATABASE),
    connectorDatabaseUrl: postgresUrl(state, ROLES.connector, DATABASE),
    superuserUrl: postgresUrl(state, `${ROLES.superuser}:${passwords.superuser}`, 'postgres'),
    kafkaBrokers: `127.0.0.1:${String(ports.kafka)}`,
    connectUrl: web(ports.connect, `${WEB_USER}:${secure?.passwords.connect ?? ''}`),
    schemaRegistryUrl: `${web(ports.registry, `${WEB_USER}:${registry}`)}/apis/ccompat/v7`,
    // The URL has no password, because Connect has it in its environment.
    connectorSchemaRegistryUrl: `${web(ports.registry, WEB_USER)}/apis/registry/v2`,
    s3Url: `http://127.0.0.1:${String(ports.s3)}`,
  };
}

/** The authority with which our clients check the instance's servers; undefined if the servers do not use TLS. */
export function caFileOf({ secure }: StackState): string | undefined {
  return secure === undefined ? undefined : tlsFiles(secure.tls).ca;
}

function postgresUrl({ ports, secure }: StackState, login: string, database: string): string {
  const url = `postgresql://${login}@127.0.0.1:${String(ports.postgres)}/${database}`;
  if (secure === undefined) return url;
  return `${url}?sslmode=verify-full&sslrootcert=${encodeURIComponent(tlsFiles(secure.tls).ca)}`;
}

/**
 * The settings of a local stack, if at least one of its servers runs; otherwise undefined, so that no command waits for
 * a stack that is down. They also contain the address of a server that has died, because `status` and `doctor` must
 * report it. They do not contain the superuser, because no command may need one. If a variable names another server,
 * the authority and the login of this stack's server are left out too.
 */
export function localStackEnvironment(environment: Environment): Environment | undefined {
  const name = defaultInstanceName(environment);
  if (!STACK_NAME.test(name)) return undefined;
  const instance = instanceOf(environment, name);
  const state = readState(instance);
  if (state === undefined) return undefined;
  if (!state.components.some((server) => isServerAlive(instance, server))) return undefined;
  const groups = state.components.flatMap((server) => settingGroups(state)[server]);
  const ours = groups.filter(({ address }) => !isGiven(environment, address));
  return Object.assign({}, ...ours.map(({ settings }) => settings)) as Environment;
}

/** All settings with which commands reach a stack. */
export function stackSettings(state: StackState): Environment {
  const groups = state.components.flatMap((server) => settingGroups(state)[server]);
  return Object.assign({}, ...groups.map(({ settings }) => settings)) as Environment;
}

/** The same settings for a projector of a secure stack, with only the rights that a projector needs. */
export function projectorSettings(state: StackState): Environment {
  const { secure } = state;
  if (secure === undefined) throw new Error(`the stack ${state.name} is not a secure one`);
  const login = `${ROLES.projector}:${secure.passwords.projector}`;
  return {
    ...stackSettings(state),
    DATABASE_URL: postgresUrl(state, login, DATABASE),
    ...kafkaSettings(secure, 'projector'),
  };
}

interface SettingGroup {
  /** The setting that contains the server's address. */
  readonly address: string;
  readonly settings: Environment;
}

function settingGroups(state: StackState): Record<ServerName, readonly SettingGroup[]> {
  const addresses = addressesOf(state);
  const { secure } = state;
  const group = (address: string, value: string, more: Environment = {}): SettingGroup => ({
    address,
    settings: { [address]: value, ...(secure === undefined ? {} : more) },
  });
  const ca = caFileOf(state);
  const kafka = secure === undefined ? {} : kafkaSettings(secure, 'operator');
  return {
    postgres: [
      group('DATABASE_URL', addresses.databaseUrl),
      group('CONNECTOR_DATABASE_URL', addresses.connectorDatabaseUrl),
    ],
    kafka: [group('KAFKA_BROKERS', addresses.kafkaBrokers, kafka)],
    connect: [group('CONNECT_URL', addresses.connectUrl, { CONNECT_CA_FILE: ca })],
    registry: [
      group('SCHEMA_REGISTRY_URL', addresses.schemaRegistryUrl, { SCHEMA_REGISTRY_CA_FILE: ca }),
      group('CONNECTOR_SCHEMA_REGISTRY_URL', addresses.connectorSchemaRegistryUrl),
    ],
    s3: [
      {
        address: 'ARCHIVE_TARGET',
        settings: {
          ARCHIVE_TARGET: `s3://${BUCKET}/agent_test_history`,
          ARCHIVE_S3_ENDPOINT: addresses.s3Url,
          ARCHIVE_S3_UNSIGNED: 'true',
        },
      },
    ],
  };
}
