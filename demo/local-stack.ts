import path from 'node:path';
import { loadConfig, type ConfigWith, type Environment } from '../lib/config.ts';
import { FatalError } from '../lib/errors.ts';
import { SETTINGS } from '../lib/settings.ts';
import { isAlive } from '../stack/process.ts';
import { startStack, stopStack, type RunningStack } from '../stack/stack.ts';
import { ALL_SERVERS, instanceOf, localStackEnvironment, readState } from '../stack/state.ts';

const NEEDS = [
  'DATABASE_URL',
  'LEGACY_DATABASE_URL',
  'KAFKA_BROKERS',
  'CONNECT_URL',
  'CONNECTOR_DATABASE_URL',
] as const;
export type DemoConfig = ConfigWith<(typeof NEEDS)[number]>;

export interface DemoStack {
  readonly running: RunningStack;
  readonly config: DemoConfig;
  /** The settings for the commands that the demo runs. */
  readonly environment: Environment;
  readonly logFile: string;
  /** The servers' addresses, without secrets. */
  readonly addresses: Readonly<Record<string, string>>;
}

interface Options {
  readonly environment: Environment;
  readonly stackName: string;
  readonly keep: boolean;
  readonly note: (line: string) => void;
}

/** Makes the demo's own stack. It first removes what an earlier demo left behind, whether it was kept or crashed. */
export async function startDemoStack({ environment, stackName, keep, note }: Options): Promise<DemoStack> {
  const options = { environment, name: stackName, onProgress: note };
  const instance = instanceOf(environment, stackName);
  const before = readState(instance);
  if (before?.owner !== undefined && isAlive(before.owner)) {
    throw new FatalError({
      code: 'DEMO_FAILED',
      message: `a demo is running on the stack ${stackName} (process ${String(before.owner.pid)})`,
      wayOut: 'wait for its end, stop it with Ctrl-C, or name another stack (--stack)',
    });
  }
  if (before !== undefined) note('removing the stack of an earlier demo');
  await stopStack({ ...options, purge: true });
  const running = await startStack({ ...options, components: ALL_SERVERS, owned: !keep });
  const { databaseUrl, kafkaBrokers, connectUrl, schemaRegistryUrl } = running.addresses;
  const own = environmentWithoutSettings(environment, stackName);
  return {
    running,
    config: loadConfig(own, localStackEnvironment(own), NEEDS),
    environment: own,
    logFile: path.join(instance.folder, 'logs', 'commands.log'),
    addresses: {
      Postgres: new URL(databaseUrl).host,
      Kafka: kafkaBrokers,
      Connect: connectUrl,
      registry: schemaRegistryUrl,
    },
  };
}

/**
 * Removes the caller's settings. The demo writes, so a DATABASE_URL that happens to be set must not lead it to a real
 * database.
 */
export function environmentWithoutSettings(environment: Environment, stackName: string): Environment {
  const others = Object.entries(environment).filter(([name]) => !(name in SETTINGS));
  return { ...Object.fromEntries(others), HISTORY_CDC_STACK: stackName, HTTP_PORT: '0' };
}
