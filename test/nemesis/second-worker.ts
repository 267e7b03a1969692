import path from 'node:path';
import type { Environment } from '../../lib/config.ts';
import { workerCommand, workerProperties } from '../../stack/connect.ts';
import { writeProperties } from '../../stack/jvm.ts';
import { pickPort } from '../../stack/ports.ts';
import { findJava } from '../../stack/prerequisites.ts';
import { isAlive, launchDetached, readRecord, signalProcess } from '../../stack/process.ts';
import { fetchRuntime } from '../../stack/runtime.ts';
import { getJson, serverEnvironment } from '../../stack/server.ts';
import { instanceOf, readState } from '../../stack/state.ts';
import { waitUntil } from '../../stack/wait.ts';

const STARTS_WITHIN_MS = 240_000;
const ENDS_WITHIN_MS = 60_000;

/** A second Connect worker in the group of the stack's own: if one dies, the other takes the connector over. */
export class SecondWorker {
  readonly #environment: Environment;
  readonly #stack: string;
  #port: number | undefined;

  constructor(environment: Environment, stack: string) {
    this.#environment = environment;
    this.#stack = stack;
  }

  /** Starts the worker, and returns when it answers. */
  async start(): Promise<void> {
    const instance = instanceOf(this.#environment, this.#stack);
    const state = readState(instance);
    if (state === undefined) throw new Error(`the stack ${this.#stack} is not up`);
    const port = (this.#port ??= await pickPort(new Set(Object.values(state.ports))));
    const url = `http://127.0.0.1:${String(port)}`;
    const runtime = await fetchRuntime(this.#environment, () => undefined);
    const config = writeProperties(instance, 'second-worker.properties', {
      ...workerProperties(state, runtime.connectPlugins),
      listeners: url,
    });
    const command = await workerCommand(
      { instance, jvm: () => Promise.resolve({ java: findJava(this.#environment), runtime }) },
      config,
      {
        env: {
          ...serverEnvironment(this.#environment),
          HISTORY_CDC_CONNECTOR_PASSWORD: state.passwords.connector,
        },
      },
    );
    launchDetached(command, this.#pidFile, path.join(instance.folder, 'logs', 'second-worker.log'));
    const answers = () =>
      getJson(url, '/health', undefined).then(
        () => true,
        () => false,
      );
    if (!(await waitUntil(answers, { withinMs: STARTS_WITHIN_MS, everyMs: 500 })))
      throw new Error('the second Connect worker does not answer');
  }

  /** Kills the worker, if it runs. */
  async kill(): Promise<void> {
    const worker = readRecord(this.#pidFile);
    if (worker === undefined) return;
    signalProcess(worker, 'SIGKILL');
    if (!(await waitUntil(() => !isAlive(worker), { withinMs: ENDS_WITHIN_MS })))
      throw new Error('the second Connect worker does not end');
  }

  get #pidFile(): string {
    return path.join(instanceOf(this.#environment, this.#stack).folder, 'run', 'second-worker.pid');
  }
}
