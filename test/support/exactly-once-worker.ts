import { inject } from 'vitest';
import { workerCommand, workerProperties } from '../../stack/connect.ts';
import { writeProperties } from '../../stack/jvm.ts';
import { pickPort } from '../../stack/ports.ts';
import { findJava } from '../../stack/prerequisites.ts';
import { isAlive, launchDetached, readRecord, signalProcess } from '../../stack/process.ts';
import { fetchRuntime } from '../../stack/runtime.ts';
import { getJson, serverEnvironment } from '../../stack/server.ts';
import { instanceOf, readState } from '../../stack/state.ts';
import path from 'node:path';
import { until } from './until.ts';
import './provided.ts';

const NAME = 'exactly-once';

export interface ExactlyOnceWorker {
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * A second Connect worker on the test stack's broker, with exactly-once support for source connectors: every record is
 * written in a transaction, so that each partition ends with a marker that no consumer sees.
 */
export async function startExactlyOnceWorker(): Promise<ExactlyOnceWorker> {
  const instance = instanceOf(process.env, inject('instance'));
  const state = readState(instance);
  if (state === undefined) throw new Error(`the stack ${instance.name} is not up`);
  const runtime = await fetchRuntime(process.env, () => undefined);
  const url = `http://127.0.0.1:${String(await pickPort(new Set(Object.values(state.ports))))}`;
  const properties = {
    ...workerProperties(state, runtime.connectPlugins),
    'group.id': NAME,
    'config.storage.topic': `${NAME}-configs`,
    'offset.storage.topic': `${NAME}-offsets`,
    'status.storage.topic': `${NAME}-status`,
    listeners: url,
    'exactly.once.source.support': 'enabled',
  };
  const config = writeProperties(instance, `${NAME}.properties`, properties);
  const jvm = () => Promise.resolve({ java: findJava(process.env), runtime });
  const env = {
    ...serverEnvironment(process.env),
    HISTORY_CDC_CONNECTOR_PASSWORD: state.passwords.connector,
  };
  const record = path.join(instance.folder, 'run', `${NAME}.pid`);
  const log = path.join(instance.folder, 'logs', `${NAME}.log`);
  launchDetached(await workerCommand({ instance, jvm }, config, { env }), record, log);
  await until('the exactly-once worker answers', () =>
    getJson(url, '/connectors', undefined).then(
      () => true,
      () => false,
    ),
  );
  return {
    url,
    stop: async () => {
      const worker = readRecord(record);
      if (worker === undefined) return;
      signalProcess(worker, 'SIGKILL');
      await until('the exactly-once worker ends', () => !isAlive(worker));
    },
  };
}
