import { accessSync, chmodSync, constants, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Environment } from '../lib/config.ts';
import { FatalError } from '../lib/errors.ts';
import { STACK_NAME } from '../lib/names.ts';
import { makeCertificates } from './certificates.ts';
import { withLock } from './lock.ts';
import { pickPort } from './ports.ts';
import { findJava, requireUnix } from './prerequisites.ts';
import { identityOf, isAlive } from './process.ts';
import { fetchRuntime } from './runtime.ts';
import type { StartContext } from './server.ts';
import { PORTS_OF, SERVERS } from './servers.ts';
import { startServer } from './start-server.ts';
import {
  addressesOf,
  ALL_SERVERS,
  instanceOf,
  isServerAlive,
  newState,
  PORT_NAMES,
  readState,
  SERVER_NAMES,
  tlsFolder,
  writeState,
  type Instance,
  type PortName,
  type ServerName,
  type StackAddresses,
  type StackState,
} from './state.ts';
import { stateFolder } from './state-folder.ts';
import { stopServer } from './stop-server.ts';

const BUSY_WITHIN_MS = 5 * 60_000;

export interface StackOptions {
  readonly environment: Environment;
  readonly name: string;
  readonly onProgress: (line: string) => void;
}

export interface StartOptions extends StackOptions {
  /** Default: all servers except the object store. The addresses of the others are not served. */
  readonly components?: readonly ServerName[];
  /** Ports to listen on. A server without an entry keeps its port, or gets a free one. */
  readonly ports?: Partial<Record<PortName, number>>;
  /** Postgres without fsync, for tests. It cannot be changed after the instance was made. */
  readonly unsafeFast?: boolean;
  /** TLS, logins and least rights. It cannot be changed after the instance was made. */
  readonly secure?: boolean;
  /**
   * The instance belongs to this process. After the process has ended, `removeAbandonedStacks` removes the instance.
   */
  readonly owned?: boolean;
}

export interface RunningStack {
  readonly name: string;
  readonly addresses: StackAddresses;
  /** True if all servers ran already. */
  readonly wasUp: boolean;
  /** Stops the servers. `purge` also deletes their data. */
  stop(options?: { readonly purge?: boolean }): Promise<void>;
}

/**
 * Starts all servers of the instance that do not run, and returns when every server answers. If one fails, it stops the
 * servers that this call started. Throws STACK_PREREQUISITE or STACK_SERVER_FAILED.
 */
export async function startStack(options: StartOptions): Promise<RunningStack> {
  requireUnix();
  const instance = checkedInstance(options);
  return await exclusively(options, 'start or stop of this stack', async () => {
    const state = await settleState(instance, options);
    const { secure } = state;
    if (secure !== undefined) await makeCertificates(secure.tls, secure.passwords.keystore);
    const context: StartContext = { instance, state, ...options, jvm: memoized(() => provideJvm(options)) };
    const wasUp = await startServers(context);
    return {
      name: instance.name,
      addresses: addressesOf(state),
      wasUp,
      stop: async ({ purge = false } = {}) => {
        await stopStack({ ...options, purge });
      },
    };
  });
}

/**
 * Stops the running servers of the instance, Connect first, and returns which ones. `purge` also deletes their data.
 */
export async function stopStack(options: StackOptions & { readonly purge?: boolean }): Promise<ServerName[]> {
  const instance = checkedInstance(options);
  return await exclusively(options, 'start or stop of this stack', async () => {
    const stopped = await stopServers(instance, ALL_SERVERS);
    if (options.purge === true) rmSync(instance.folder, { recursive: true, force: true });
    return stopped;
  });
}

/** Removes the instances whose process ended without stopping them, such as a test run that was killed. */
export async function removeAbandonedStacks(options: Omit<StackOptions, 'name'>): Promise<void> {
  const folder = path.join(stateFolder(options.environment), 'instances');
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) {
    const owner = readState(instanceOf(options.environment, name))?.owner;
    if (owner === undefined || isAlive(owner)) continue;
    options.onProgress(`removing the stack ${name}, whose process is gone`);
    await stopStack({ ...options, name, purge: true });
  }
}

function checkedInstance({ environment, name }: StackOptions): Instance {
  if (STACK_NAME.test(name)) return instanceOf(environment, name);
  throw new FatalError({
    code: 'CONFIG_INVALID',
    message: `"${name}" cannot be the name of a stack`,
    wayOut: 'use lower-case letters, digits and dashes, at most 41, and no dash in front',
  });
}

async function exclusively<T>(options: StackOptions, purpose: string, work: () => Promise<T>): Promise<T> {
  const { environment, name, onProgress } = options;
  for (const folder of [stateFolder(environment), instanceOf(environment, name).folder])
    requireOwnFolder(folder);
  // The lock is beside the folder, because a purge removes the folder.
  const file = path.join(stateFolder(environment), 'instances', `${name}.lock`);
  return await withLock({ file, purpose, withinMs: BUSY_WITHIN_MS, onProgress }, work);
}

/** Throws if another account, such as root, started the stack before. */
function requireOwnFolder(folder: string): void {
  try {
    if (existsSync(folder)) accessSync(folder, constants.R_OK | constants.W_OK);
  } catch (error) {
    throw new FatalError({
      code: 'STACK_PREREQUISITE',
      message: `${folder} belongs to another account, and this one may not write there`,
      wayOut:
        'run the command as that account, remove the folder as that account, or set HISTORY_CDC_STATE_DIR',
      cause: error,
    });
  }
}

async function settleState(instance: Instance, options: StartOptions): Promise<StackState> {
  const before = readState(instance);
  if (before !== undefined && options.secure !== undefined) requireAsMade(before, options.secure);
  const wanted = options.components ?? SERVER_NAMES;
  const components = ALL_SERVERS.filter((name) => wanted.includes(name) || before?.components.includes(name));
  if (components.includes('s3') && (before?.secure !== undefined || options.secure === true))
    throw s3NotSecure();
  const ports = await choosePorts(instance, before, options.ports ?? {});
  const owner = options.owned === true ? identityOf(process.pid) : undefined;
  const state: StackState =
    before === undefined
      ? newState(
          { name: instance.name, components, ports, unsafeFast: options.unsafeFast ?? false, owner },
          options.secure === true ? tlsFolder(instance) : undefined,
        )
      : { ...before, components, ports, owner: owner ?? before.owner };
  mkdirSync(instance.folder, { recursive: true });
  // Postgres may run as another account than ours, and must reach its folder in here.
  chmodSync(instance.folder, 0o755);
  writeState(instance, state);
  return state;
}

/** Throws if the instance was made with other options: the servers' data and their clients' settings depend on them. */
function requireAsMade(before: StackState, secure: boolean): void {
  if ((before.secure !== undefined) === secure) return;
  const [is, wanted] = secure ? ['without', 'with'] : ['with', 'without'];
  throw new FatalError({
    code: 'STACK_SERVER_FAILED',
    message: `the stack ${before.name} was made ${is} TLS and logins, but this command asks for a stack ${wanted} them`,
    wayOut: `choose another name (--name), or begin anew: \`history-cdc stack down --name ${before.name} --purge\``,
  });
}

function s3NotSecure(): FatalError {
  return new FatalError({
    code: 'STACK_PREREQUISITE',
    message:
      'the object store of the local stack has neither TLS nor a login, so it is no part of a secure stack',
    wayOut: 'leave --s3 or --secure out; a folder as ARCHIVE_TARGET needs no server',
  });
}

async function choosePorts(
  instance: Instance,
  before: StackState | undefined,
  given: Partial<Record<PortName, number>>,
): Promise<Record<PortName, number>> {
  const ports: Partial<Record<PortName, number>> = { ...before?.ports, ...given };
  for (const server of ALL_SERVERS) {
    const moved = PORTS_OF[server].find((port) => before !== undefined && ports[port] !== before.ports[port]);
    if (moved === undefined || !isServerAlive(instance, server)) continue;
    throw new FatalError({
      code: 'STACK_SERVER_FAILED',
      message: `${server} is up on port ${String(before?.ports[moved])}, and was asked for on port ${String(ports[moved])}`,
      wayOut: `\`history-cdc stack down --name ${instance.name}\` first`,
    });
  }
  for (const name of PORT_NAMES) {
    ports[name] ??= await pickPort(new Set(Object.values(ports)));
  }
  return ports as Record<PortName, number>;
}

async function provideJvm({ environment, onProgress }: StackOptions) {
  const java = findJava(environment);
  return { java, runtime: await fetchRuntime(environment, onProgress) };
}

/** Starts the servers in parallel, as far as they do not wait for each other. True if all of them ran already. */
async function startServers(context: StartContext): Promise<boolean> {
  const { instance, state } = context;
  const abort = new AbortController();
  const starts = new Map<ServerName, Promise<boolean>>();
  const start = async (name: ServerName): Promise<boolean> => {
    for (const other of SERVERS[name].after) await starts.get(other);
    return await startServer(SERVERS[name], context, abort.signal);
  };
  const ranBefore = new Set(state.components.filter((name) => isServerAlive(instance, name)));
  // In ALL_SERVERS, each server stands after the servers that it waits for.
  for (const name of state.components) starts.set(name, start(name));
  try {
    const started = await Promise.all(starts.values());
    return !started.includes(true);
  } catch (error) {
    abort.abort();
    await Promise.allSettled(starts.values());
    await stopServers(
      instance,
      state.components.filter((name) => !ranBefore.has(name)),
    );
    throw error;
  }
}

/** Connect is stopped first, because it writes to Kafka and uses a slot of Postgres. */
async function stopServers(instance: Instance, names: readonly ServerName[]): Promise<ServerName[]> {
  const stopped: ServerName[] = [];
  const stop = async (name: ServerName) => {
    if (await stopServer(SERVERS[name], instance)) stopped.push(name);
  };
  if (names.includes('connect')) await stop('connect');
  await Promise.all(names.filter((name) => name !== 'connect').map(stop));
  return stopped;
}

function memoized<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
