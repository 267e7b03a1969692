import type { Environment } from '../lib/config.ts';
import { messageOf } from '../lib/errors.ts';
import { memoryOf } from './memory.ts';
import { isAlive, readRecord } from './process.ts';
import { SERVERS } from './servers.ts';
import {
  addressesOf,
  instanceOf,
  logFile,
  pidFile,
  readState,
  type Instance,
  type ServerName,
  type StackState,
} from './state.ts';

export interface ServerStatus {
  readonly server: ServerName;
  /** `up` means that the server has answered just now. */
  readonly health: 'up' | 'silent' | 'down';
  readonly problem: string | null;
  readonly pid: number | null;
  readonly address: string;
  readonly memoryBytes: number | null;
  readonly log: string;
}

export interface StackStatus {
  readonly name: string;
  readonly folder: string;
  readonly up: boolean;
  /** True if every server demands TLS and a login. */
  readonly secure: boolean;
  readonly servers: readonly ServerStatus[];
}

/** Asks every server of the instance whether it works; undefined if there is no such instance. */
export async function stackStatus(environment: Environment, name: string): Promise<StackStatus | undefined> {
  const instance = instanceOf(environment, name);
  const state = readState(instance);
  if (state === undefined) return undefined;
  const servers = await Promise.all(state.components.map((server) => serverStatus(server, instance, state)));
  const up = servers.every(({ health }) => health === 'up');
  return { name, folder: instance.folder, up, secure: state.secure !== undefined, servers };
}

async function serverStatus(
  server: ServerName,
  instance: Instance,
  state: StackState,
): Promise<ServerStatus> {
  const recorded = readRecord(pidFile(instance, server));
  const facts = { server, address: addressOf(server, state), log: logFile(instance, server) };
  if (recorded === undefined || !isAlive(recorded)) {
    const problem = recorded === undefined ? 'not started' : `process ${String(recorded.pid)} is gone`;
    return { ...facts, health: 'down', problem, pid: null, memoryBytes: null };
  }
  const problem = await SERVERS[server].probe(state).then(() => null, messageOf);
  const health = problem === null ? 'up' : 'silent';
  return { ...facts, health, problem, pid: recorded.pid, memoryBytes: memoryOf(recorded.pid) ?? null };
}

function addressOf(server: ServerName, state: StackState): string {
  const addresses = addressesOf(state);
  switch (server) {
    case 'postgres':
      return `127.0.0.1:${String(state.ports.postgres)}`;
    case 'kafka':
      return addresses.kafkaBrokers;
    case 'registry':
      return withoutLogin(addresses.schemaRegistryUrl);
    case 'connect':
      return withoutLogin(addresses.connectUrl);
    case 's3':
      return addresses.s3Url;
  }
}

function withoutLogin(text: string): string {
  return text.replace(/\/\/[^/@]*@/, '//');
}
