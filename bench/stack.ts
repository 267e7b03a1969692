import type { Environment } from '../lib/config.ts';
import { environmentWithoutSettings } from '../demo/local-stack.ts';
import { readRecord } from '../stack/process.ts';
import { startStack, stopStack } from '../stack/stack.ts';
import { instanceOf, pidFile, SERVER_NAMES, type Instance, type StackAddresses } from '../stack/state.ts';
import { Databases } from './databases.ts';
import type { Groups } from './meter.ts';
import { stopSinkWorker } from './peers/sink-worker.ts';

export const INSTANCE = 'bench';

/** The servers that everything is measured on. */
export interface BenchStack {
  readonly instance: Instance;
  readonly addresses: StackAddresses;
  readonly databases: Databases;
  /** Of every process that a part starts: nobody's DATABASE_URL leads to a real database. */
  readonly environment: Environment;
  /** The processes of the servers, by name. */
  readonly servers: Groups;
  /** From the first call to the last server that answers; jars that are not there yet are fetched before. */
  readonly startSeconds: number;
  stop(): Promise<void>;
}

/** Begins anew: a bench that was killed has left its servers, with the rows in them. */
export async function startBenchStack(
  environment: Environment,
  note: (line: string) => void,
): Promise<BenchStack> {
  const options = { environment, name: INSTANCE, onProgress: note };
  const instance = instanceOf(environment, INSTANCE);
  await stopSinkWorker(instance);
  await stopStack({ ...options, purge: true });
  const start = performance.now();
  const running = await startStack({ ...options, owned: true });
  const startSeconds = (performance.now() - start) / 1000;
  const { addresses } = running;
  return {
    instance,
    addresses,
    databases: new Databases(addresses),
    environment: environmentWithoutSettings(environment, INSTANCE),
    servers: Object.fromEntries(SERVER_NAMES.map((name) => [name, pidsOf(pidFile(instance, name))])),
    startSeconds,
    stop: async () => {
      await stopSinkWorker(instance);
      await running.stop({ purge: true });
    },
  };
}

function pidsOf(file: string): number[] {
  const record = readRecord(file);
  return record === undefined ? [] : [record.pid];
}
