import { randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { Environment } from '../consumers/lib/config.ts';
import { STACK_NAME } from '../consumers/lib/names.ts';
import { isAlive, readRecord } from './process.ts';

export const SERVER_NAMES = ['postgres', 'kafka', 'registry', 'connect'] as const;
export type ServerName = (typeof SERVER_NAMES)[number];

export const PORT_NAMES = [
  'postgres',
  'kafka',
  'kafkaController',
  'registry',
  'registryManagement',
  'connect',
] as const;
export type PortName = (typeof PORT_NAMES)[number];

/** The roles of the stack's Postgres. Debezium logs in as `connector`, everything of ours as `app`. */
export const ROLES = { superuser: 'postgres', app: 'app', connector: 'history_cdc_connector' } as const;
export const DATABASE = 'app';

const DEFAULT_INSTANCE = 'local';

const stateSchema = z.object({
  version: z.literal(1),
  name: z.string(),
  components: z.array(z.enum(SERVER_NAMES)),
  ports: z.record(z.enum(PORT_NAMES), z.number().int()),
  passwords: z.object({ superuser: z.string(), app: z.string(), connector: z.string() }),
  clusterId: z.string(),
  /** Postgres may lose what it committed when the machine dies; for tests only. */
  unsafeFast: z.boolean(),
  /** The process that the stack must not outlive, where it belongs to one. */
  owner: z.object({ pid: z.number().int(), startedAt: z.string() }).optional(),
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
): StackState {
  const password = () => randomBytes(18).toString('base64url');
  return {
    version: 1,
    ...given,
    passwords: { superuser: password(), app: password(), connector: password() },
    // Kafka's own form of a random id; as an argument it must not begin with a dash.
    clusterId: `k${randomBytes(16).toString('base64url').slice(1)}`,
  };
}

export function addressesOf({ ports, passwords }: StackState): StackAddresses {
  const postgres = (login: string, database: string) =>
    `postgresql://${login}@127.0.0.1:${String(ports.postgres)}/${database}`;
  const registry = `http://127.0.0.1:${String(ports.registry)}/apis`;
  return {
    databaseUrl: postgres(`${ROLES.app}:${passwords.app}`, DATABASE),
    connectorDatabaseUrl: postgres(ROLES.connector, DATABASE),
    superuserUrl: postgres(`${ROLES.superuser}:${passwords.superuser}`, 'postgres'),
    kafkaBrokers: `127.0.0.1:${String(ports.kafka)}`,
    connectUrl: `http://127.0.0.1:${String(ports.connect)}`,
    schemaRegistryUrl: `${registry}/ccompat/v7`,
    connectorSchemaRegistryUrl: `${registry}/registry/v2`,
  };
}

/**
 * The settings that a local stack which is up answers for; undefined when none is, so that a command never waits
 * for servers that are gone. The superuser is not among them: no command may need one.
 */
export function localStackEnvironment(environment: Environment): Environment | undefined {
  const name = defaultInstanceName(environment);
  if (!STACK_NAME.test(name)) return undefined;
  const instance = instanceOf(environment, name);
  const state = readState(instance);
  if (state === undefined) return undefined;
  if (!state.components.every((server) => isServerAlive(instance, server))) return undefined;
  const addresses = addressesOf(state);
  const settings: Record<ServerName, Environment> = {
    postgres: {
      DATABASE_URL: addresses.databaseUrl,
      CONNECTOR_DATABASE_URL: addresses.connectorDatabaseUrl,
    },
    kafka: { KAFKA_BROKERS: addresses.kafkaBrokers },
    connect: { CONNECT_URL: addresses.connectUrl },
    registry: {
      SCHEMA_REGISTRY_URL: addresses.schemaRegistryUrl,
      CONNECTOR_SCHEMA_REGISTRY_URL: addresses.connectorSchemaRegistryUrl,
    },
  };
  return Object.assign({}, ...state.components.map((server) => settings[server])) as Environment;
}
