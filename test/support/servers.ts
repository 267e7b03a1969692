import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { inject } from 'vitest';
import { isFree } from '../../stack/ports.ts';
import { isAlive, readRecord, signalProcess } from '../../stack/process.ts';
import { PORTS_OF } from '../../stack/servers.ts';
import { startStack } from '../../stack/stack.ts';
import { instanceOf, pidFile, readState, type ServerName } from '../../stack/state.ts';
import { until } from './until.ts';

function find(name: ServerName) {
  const instance = instanceOf(process.env, inject('instance'));
  const server = readRecord(pidFile(instance, name));
  const ports = readState(instance)?.ports;
  if (server === undefined || ports === undefined) throw new Error(`${name} was never started`);
  return { server, ports };
}

/** The data folder of the stack's Postgres. */
export function dataFolder(): string {
  return path.join(instanceOf(process.env, inject('instance')).folder, 'postgres');
}

/**
 * Makes a server silent: its sockets stay open, and nobody answers. Gives what makes it answer again. A process with
 * many threads stops a moment after the signal; one of them could answer until then.
 */
export async function freezeServer(name: ServerName): Promise<() => void> {
  const { server } = find(name);
  signalProcess(server, 'SIGSTOP');
  await until(`${name} stands still`, () =>
    statesOfThreads(server.pid).every((state) => state.startsWith('T')),
  );
  return () => {
    signalProcess(server, 'SIGCONT');
  };
}

function statesOfThreads(pid: number): string[] {
  if (process.platform !== 'linux')
    return [execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' })];
  const threads = `/proc/${String(pid)}/task`;
  return readdirSync(threads).map((thread) => {
    const stat = readFileSync(`${threads}/${thread}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2);
  });
}

/** Ends a server of the test stack with a signal, and returns when its process is gone and its ports are free. */
export async function endServer(name: ServerName, signal: NodeJS.Signals): Promise<void> {
  const { server, ports } = find(name);
  signalProcess(server, signal);
  await until(`${name} ends`, () => !isAlive(server));
  // The threads of a killed Java process outlive its first one for a moment, and hold the sockets.
  for (const port of PORTS_OF[name]) await until(`port ${port} is free`, () => isFree(ports[port]));
}

/** Starts whatever does not run of the test stack, on the same ports and data, and returns when all of it answers. */
export async function startServersAgain(): Promise<void> {
  await startStack({ environment: process.env, name: inject('instance'), onProgress: () => undefined });
}

/**
 * Takes record batches off the end of a partition, as a broker does that lost its page cache: that many offsets at least.
 * The broker must be down. Gives the offset at which the partition ends then.
 */
export function cutPartition(topic: string, partition: number, offsets: number): bigint {
  const { folder } = instanceOf(process.env, inject('instance'));
  const log = path.join(folder, 'kafka', `${topic}-${String(partition)}`, '00000000000000000000.log');
  const bytes = readFileSync(log);
  const batches: { readonly at: number; readonly first: bigint; readonly last: bigint }[] = [];
  for (let at = 0; at + 61 <= bytes.length; at += 12 + bytes.readInt32BE(at + 8)) {
    const first = bytes.readBigInt64BE(at);
    batches.push({ at, first, last: first + BigInt(bytes.readInt32BE(at + 23)) });
  }
  const end = (batches.at(-1)?.last ?? -1n) + 1n;
  const cut = batches.findLast(({ first }) => first <= end - BigInt(offsets));
  if (cut === undefined) throw new Error(`${topic} has no ${String(offsets)} offsets to cut off`);
  truncateSync(log, cut.at);
  return cut.first;
}
