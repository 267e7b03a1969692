import { readdirSync, readFileSync } from 'node:fs';
import type { Environment } from '../../lib/config.ts';
import { isFree } from '../../stack/ports.ts';
import { identityOf, isAlive, readRecord, signalProcess } from '../../stack/process.ts';
import { PORTS_OF } from '../../stack/servers.ts';
import { startStack } from '../../stack/stack.ts';
import { instanceOf, pidFile, readState, type ServerName } from '../../stack/state.ts';
import { waitUntil } from '../../stack/wait.ts';

const ENDS_WITHIN_MS = 60_000;

/** The servers of the nemesis's own stack, as processes that it may end and stop. */
export class Servers {
  readonly #environment: Environment;
  readonly #stack: string;
  #down: object | undefined;

  constructor(environment: Environment, stack: string) {
    this.#environment = environment;
    this.#stack = stack;
  }

  /** The outage that lasts right now: another object for each. Undefined if every server runs. */
  get down(): object | undefined {
    return this.#down;
  }

  /** Ends a server with a signal, and returns when its process is gone and its ports are free. */
  async end(name: ServerName, signal: NodeJS.Signals): Promise<void> {
    const server = this.#processOf(name);
    const ports = readState(instanceOf(this.#environment, this.#stack))?.ports;
    signalProcess(server, signal);
    const gone = async () => {
      if (isAlive(server)) return false;
      for (const port of PORTS_OF[name])
        if (ports !== undefined && !(await isFree(ports[port]))) return false;
      return true;
    };
    if (!(await waitUntil(gone, { withinMs: ENDS_WITHIN_MS })))
      throw new Error(`${name} does not end by ${signal}`);
    this.#down = { name, signal };
  }

  /** Stops a server's processes where they are: sockets stay open, and nobody answers. Returns how to continue them. */
  freeze(name: ServerName): () => void {
    const server = this.#processOf(name);
    signalProcess(server, 'SIGSTOP');
    // Postgres has a process per session. Stopped, it starts no new ones.
    const children = childrenOf(server.pid);
    for (const child of children) signalProcess(child, 'SIGSTOP');
    this.#down = { name, signal: 'SIGSTOP' };
    return () => {
      this.#down = undefined;
      for (const stopped of [...children, server]) signalProcess(stopped, 'SIGCONT');
    };
  }

  /** Starts what does not run, on the same ports and data, and returns when everything answers. */
  async start(): Promise<void> {
    this.#down = undefined;
    await startStack({ environment: this.#environment, name: this.#stack, onProgress: () => undefined });
  }

  #processOf(name: ServerName) {
    const server = readRecord(pidFile(instanceOf(this.#environment, this.#stack), name));
    if (server === undefined) throw new Error(`${name} was never started`);
    return server;
  }
}

function childrenOf(parent: number) {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    if (parentOf(pid) !== parent) return [];
    return identityOf(Number(pid)) ?? [];
  });
}

function parentOf(pid: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    // The process has ended meanwhile.
    return undefined;
  }
}
