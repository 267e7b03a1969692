import { randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { Environment } from '../lib/config.ts';
import { STACK_NAME } from '../lib/names.ts';
import { tlsFiles } from './certificates.ts';
import { isAlive, readRecord } from './process.ts';
import { kafkaSettings, newSecure, secureSchema, WEB_USER } from './secure.ts';

/** What a stack consists of, unless it is asked for more. */
export const SERVER_NAMES = ['postgres', 'kafka', 'registry', 'connect'] as const;
/** With the object store, which only the archive needs. */
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
  /** In a secure stack: what projectors log in with. `migrate --grant-to` gives it its rights. */
  projector: 'history_cdc_projector',
} as const;
export const DATABASE = 'app';
/** Of the stack's object store. */
export const BUCKET = 'history-cdc';

const DEFAULT_INSTANCE = 'local';

const stateSchema = z.object({
  version: z.literal(1),
  name: z.string(),
  components: z.array(z.enum(ALL_SERVERS)),
  // An instance of an earlier release has no port of s3 and of Connect's metrics; `up` adds them.
  ports: z
    .partialRecord(z.enum(PORT_NAMES), z.number().int())
    .transform((ports) => ports as Record<PortName, number>),
  passwords: z.object({ superuser: z.string(), app: z.string(), connector: z.string() }),
  clusterId: z.string(),
  /** Postgres may lose what it committed when the machine dies; for tests only. */
  unsafeFast: z.boolean(),
  /** The process that the stack must not outlive, where it belongs to one. */
  owner: z.object({ pid: z.number().int(), startedAt: z.string() }).optional(),
  /** Decided when the instance is made. */
  secure: secureSchema.optional(),
});

/** What an instance keeps from one `up` to the next: ports and passwords, which clients and data depend on. */
export type StackState = Readonly<z.output<typeof stateSchema>>;

/** Where to find an instance; what lies in its folder follows from the name. */
export interface Instance {
  readonly name: string;
  readonly folder: string;
}

export interface StackAddresses {
  /** The database `app` as its owner, an ordinary role. */
  readonly databaseUrl: string;
  /** The same database as Debezium's role, without the password: Connect has that in its environment. */
  readonly connectorDatabaseUrl: string;
  /** The database `postgres` as superuser: to create databases and roles. */
  readonly superuserUrl: string;
  readonly kafkaBrokers: string;
  readonly connectUrl: string;
  readonly schemaRegistryUrl: string;
  readonly connectorSchemaRegistryUrl: string;
  readonly s3Url: string;
}

export function stateFolder(environment: Environment): string {
  const repository = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
  return path.resolve(given(environment, 'HISTORY_CDC_STATE_DIR') ?? path.join(repository, '.stack'));
}

export function instanceOf(environment: Environment, name: string): Instance {
  return { name, folder: path.join(stateFolder(environment), 'instances', name) };
}

export function defaultInstanceName(environment: Environment): string {
  return given(environment, 'HISTORY_CDC_STACK') ?? DEFAULT_INSTANCE;
}

/** An empty variable is an unset one, as for every other setting. */
function given(environment: Environment, name: string): string | undefined {
  return environment[name] === '' ? undefined : environment[name];
}

/** The folder of an instance's certificates, where it is a secure one. */
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

/** Undefined when the instance does not exist, or was left by a release whose file this one cannot read. */
export function readState(instance: Instance): StackState | undefined {
  try {
    return stateSchema.parse(JSON.parse(readFileSync(path.join(instance.folder, 'state.json'), 'utf8')));
  } catch {
    return undefined;
  }
}

/** Replaces the file in one step: a reader, or a crash, meets the old state or the new one. Holds passwords: 0600. */
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
    // Kafka's own form of a random id; as an argument it must not begin with a dash.
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
    // Without the password: Connect has that in its environment.
    connectorSchemaRegistryUrl: `${web(ports.registry, WEB_USER)}/apis/registry/v2`,
    s3Url: `http://127.0.0.1:${String(ports.s3)}`,
  };
}

/** What a client of ours checks the instance's servers by; undefined where they speak no TLS. */
export function caFileOf({ secure }: StackState): string | undefined {
  return secure === undefined ? undefined : tlsFiles(secure.tls).ca;
}

function postgresUrl({ ports, secure }: StackState, login: string, database: string): string {
  const url = `postgresql://${login}@127.0.0.1:${String(ports.postgres)}/${database}`;
  if (secure === undefined) return url;
  return `${url}?sslmode=verify-full&sslrootcert=${encodeURIComponent(tlsFiles(secure.tls).ca)}`;
}

/**
 * The settings of a local stack of which at least one server is up; undefined when none is, so that a command never waits
 * for a stack that is gone. If a server of it has died, its address is told all the same: that is what `status` and
 * `doctor` are asked about. The superuser is not among them: no command may need one. Where a variable names another
 * server, what this stack's own one wants (its authority, its login) is left out too.
 */
export function localStackEnvironment(environment: Environment): Environment | undefined {
  const name = defaultInstanceName(environment);
  if (!STACK_NAME.test(name)) return undefined;
  const instance = instanceOf(environment, name);
  const state = readState(instance);
  if (state === undefined) return undefined;
  if (!state.components.some((server) => isServerAlive(instance, server))) return undefined;
  const groups = state.components.flatMap((server) => settingGroups(state)[server]);
  const ours = groups.filter(({ address }) => given(environment, address) === undefined);
  return Object.assign({}, ...ours.map(({ settings }) => settings)) as Environment;
}

/** What commands are told of a stack, whole. */
export function stackSettings(state: StackState): Environment {
  const groups = state.components.flatMap((server) => settingGroups(state)[server]);
  return Object.assign({}, ...groups.map(({ settings }) => settings)) as Environment;
}

/** The same for a projector of a secure stack, with the rights that one needs and no others. */
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
  /** The setting that says where the server is. */
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
