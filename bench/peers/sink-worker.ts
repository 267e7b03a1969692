import { randomInt } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConnectClient } from '../../connectors/deploy/connect-client.ts';
import type { Environment } from '../../lib/config.ts';
import { workerCommand, workerProperties } from '../../stack/connect.ts';
import { writeProperties } from '../../stack/jvm.ts';
import { pickPort } from '../../stack/ports.ts';
import { findJava } from '../../stack/prerequisites.ts';
import { isAlive, launchDetached, readRecord, signalProcess } from '../../stack/process.ts';
import { fetchByMaven, fetchRuntime } from '../../stack/runtime.ts';
import { serverEnvironment } from '../../stack/server.ts';
import { readState, type Instance } from '../../stack/state.ts';
import { waitUntil } from '../../stack/wait.ts';

const STARTS_WITHIN_MS = 180_000;
const STOPS_WITHIN_MS = 20_000;
const SINK = 'io.debezium.connector.jdbc.JdbcSinkConnector';
/** The name, in the worker's environment, of the password that the sink's configuration refers to. */
export const SINK_PASSWORD = 'HISTORY_CDC_SINK_PASSWORD';

const BUILD = {
  name: 'bench',
  folder: fileURLToPath(new URL('..', import.meta.url)),
  sources: ['pom.xml'],
  fetching: "fetching Debezium's JDBC sink by Maven (about 60 MB, once)",
};

/** The worker that runs the sinks, and nothing else: what its process uses is what they use. */
export interface SinkWorker {
  readonly pid: number;
  readonly connect: ConnectClient;
}

/** A second Connect worker, a group of its own on the stack's broker, with the same JVM options as the stack's. */
export async function startSinkWorker(
  instance: Instance,
  environment: Environment,
  note: (line: string) => void,
): Promise<SinkWorker> {
  const state = readState(instance);
  if (state === undefined) throw new Error(`the stack ${instance.name} is not up`);
  const runtime = await fetchRuntime(environment, note);
  const sink = await fetchByMaven(BUILD, environment, note);
  const port = await pickPort(new Set(Object.values(state.ports)));
  const properties = {
    ...workerProperties(state, `${runtime.connectPlugins},${path.join(sink, 'sink-plugin')}`),
    'group.id': 'history-cdc-bench-sink',
    'config.storage.topic': 'bench-sink-configs',
    'offset.storage.topic': 'bench-sink-offsets',
    'status.storage.topic': 'bench-sink-status',
    listeners: `http://127.0.0.1:${String(port)}`,
    // Its best configuration overrides what the product's worker does not let a connector override.
    'connector.client.config.override.policy': 'All',
  };
  const config = writeProperties(instance, `sink-${String(randomInt(1e9))}.properties`, properties);
  const jvm = () => Promise.resolve({ java: findJava(environment), runtime });
  const secrets = { [SINK_PASSWORD]: state.passwords.app };
  const env = { ...serverEnvironment(environment), ...secrets };
  const command = await workerCommand({ instance, jvm }, config, { env });
  mkdirSync(path.join(instance.folder, 'logs'), { recursive: true });
  launchDetached(command, recordFile(instance), path.join(instance.folder, 'logs', 'sink-worker.log'));
  const connect = new ConnectClient({
    url: `http://127.0.0.1:${String(port)}`,
    secrets: [state.passwords.app],
  });
  const answers = async () => {
    const plugins = await connect.plugins().catch(() => []);
    return plugins.some((plugin) => plugin.class === SINK);
  };
  if (!(await waitUntil(answers, { withinMs: STARTS_WITHIN_MS, everyMs: 500 })))
    throw new Error(`the worker with the JDBC sink does not answer; see its log in ${instance.folder}/logs`);
  const record = readRecord(recordFile(instance));
  if (record === undefined) throw new Error('the worker with the JDBC sink has ended');
  return { pid: record.pid, connect };
}

/** Ends the worker, be it one of an earlier bench that was killed. */
export async function stopSinkWorker(instance: Instance): Promise<void> {
  const record = readRecord(recordFile(instance));
  if (record === undefined) return;
  signalProcess(record, 'SIGTERM');
  if (await waitUntil(() => !isAlive(record), { withinMs: STOPS_WITHIN_MS })) return;
  signalProcess(record, 'SIGKILL');
}

function recordFile(instance: Instance): string {
  return path.join(instance.folder, 'run', 'sink-worker.pid');
}
