import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { createPool } from '../../lib/postgres.ts';
import { postgres } from '../../stack/postgres.ts';
import { startStack, stopStack } from '../../stack/stack.ts';
import { addressesOf, instanceOf, readState, type StackState } from '../../stack/state.ts';
import { until } from '../support/until.ts';

const options = {
  environment: process.env,
  name: `test-own-${String(process.pid)}`,
  onProgress: () => undefined,
};

/** A Postgres of its own, for what only its start, or a reload, can change; `free` are settings that ALTER SYSTEM shall decide. */
export class OwnServer {
  readonly #state: StackState;
  readonly #free: ReadonlySet<string>;
  #process: ChildProcess | undefined;

  private constructor(state: StackState, free: readonly string[]) {
    this.#state = state;
    this.#free = new Set(free);
  }

  static async start(free: readonly string[]): Promise<OwnServer> {
    await startStack({ ...options, components: ['postgres'], unsafeFast: true, owned: true });
    await stopStack({ ...options, purge: false });
    const state = readState(instanceOf(options.environment, options.name));
    if (state === undefined) throw new Error('the instance is gone');
    const server = new OwnServer(state, free);
    await server.run();
    return server;
  }

  get superuserUrl(): string {
    return addressesOf(this.#state).superuserUrl;
  }

  async query(...statements: readonly string[]): Promise<void> {
    const pool = createPool({ url: this.superuserUrl, name: 'test', connections: 1 });
    try {
      for (const statement of statements) await pool.query(statement);
    } finally {
      await pool.end();
    }
  }

  async restart(): Promise<void> {
    await this.#end();
    await this.run();
  }

  /** From now on it follows, though nobody: it is in recovery, and takes no writes. */
  async becomeStandby(): Promise<void> {
    await this.#end();
    const { folder } = instanceOf(options.environment, options.name);
    writeFileSync(path.join(folder, 'postgres', 'standby.signal'), '');
    await this.run();
  }

  async remove(): Promise<void> {
    await this.#end();
    await stopStack({ ...options, purge: true });
  }

  async run(): Promise<void> {
    const instance = instanceOf(options.environment, options.name);
    const jvm = () => Promise.reject(new Error('Postgres needs none'));
    const { file, args, ...how } = await postgres.prepare({ ...options, instance, state: this.#state, jvm });
    this.#process = spawn(file, this.#withoutFree(args), { ...how, stdio: 'ignore' });
    await until('Postgres answers', () =>
      postgres.probe(this.#state).then(
        () => true,
        () => false,
      ),
    );
  }

  /** What stands on the command line, ALTER SYSTEM cannot change. */
  #withoutFree(args: readonly string[]): string[] {
    const isFree = (arg: string | undefined) => this.#free.has(arg?.split('=')[0] ?? '');
    return args.filter(
      (arg, index) =>
        !(arg === '-c' && isFree(args[index + 1])) && !(args[index - 1] === '-c' && isFree(arg)),
    );
  }

  async #end(): Promise<void> {
    const server = this.#process;
    if (server === undefined) return;
    this.#process = undefined;
    const ended = once(server, 'exit');
    server.kill('SIGINT');
    await ended;
  }
}
