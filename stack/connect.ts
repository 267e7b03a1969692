import { JVM_OPTIONS, KAFKA_LOG_OPTION, writeProperties } from './jvm.ts';
import type { LaunchCommand } from './process.ts';
import { getJson, serverEnvironment, type Server, type StartContext } from './server.ts';
import { addressesOf, type StackState } from './state.ts';

const HEAP = '768m';
const PLUGINS = [
  'io.debezium.connector.postgresql.PostgresConnector',
  'io.apicurio.registry.utils.converter.AvroConverter',
];

export const connect: Server = {
  name: 'connect',
  title: 'Kafka Connect',
  startWithinMs: 180_000,
  stopSignal: 'SIGTERM',
  after: ['kafka'],
  prepare,
  probe,
};

async function prepare(context: StartContext): Promise<LaunchCommand> {
  const { state, environment } = context;
  const { runtime } = await context.jvm();
  const config = writeProperties(
    context.instance,
    'connect.properties',
    workerProperties(state, runtime.connectPlugins),
  );
  // The connector's configuration refers to it by name; it is stored nowhere that Connect's REST interface shows.
  const secrets = { HISTORY_CDC_CONNECTOR_PASSWORD: state.passwords.connector };
  return await workerCommand(context, config, { ...serverEnvironment(environment), ...secrets });
}

/** A worker of Connect with a properties file; for the bench's second one, too. */
export async function workerCommand(
  { instance, jvm }: Pick<StartContext, 'instance' | 'jvm'>,
  config: string,
  env: Readonly<Record<string, string>>,
): Promise<LaunchCommand> {
  const { java, runtime } = await jvm();
  const main = 'org.apache.kafka.connect.cli.ConnectDistributed';
  const heap = ['-Xms128m', `-Xmx${HEAP}`];
  return {
    file: java,
    args: [...heap, ...JVM_OPTIONS, KAFKA_LOG_OPTION, '-cp', runtime.kafkaJars, main, config],
    cwd: instance.folder,
    env,
  };
}

export function workerProperties(state: StackState, plugins: string): Record<string, string> {
  return {
    'bootstrap.servers': addressesOf(state).kafkaBrokers,
    'group.id': 'history-cdc-connect',
    listeners: `http://127.0.0.1:${String(state.ports.connect)}`,
    'rest.advertised.host.name': '127.0.0.1',
    'plugin.path': plugins,
    'plugin.discovery': 'service_load',
    'key.converter': 'org.apache.kafka.connect.json.JsonConverter',
    'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
    'config.storage.topic': 'connect-configs',
    'config.storage.replication.factor': '1',
    'offset.storage.topic': 'connect-offsets',
    'offset.storage.replication.factor': '1',
    'offset.storage.partitions': '4',
    'status.storage.topic': 'connect-status',
    'status.storage.replication.factor': '1',
    'status.storage.partitions': '2',
    'offset.flush.interval.ms': '2000',
    // One worker: there is nobody whose return a rebalance could wait for.
    'scheduled.rebalance.max.delay.ms': '0',
    // Secrets reach a connector by name only, and only those meant for it.
    'config.providers': 'env',
    'config.providers.env.class': 'org.apache.kafka.common.config.provider.EnvVarConfigProvider',
    'config.providers.env.param.allowlist.pattern': '^HISTORY_CDC_.*',
    'connector.client.config.override.policy': 'Allowlist',
    'connector.client.config.override.allowlist': 'linger.ms,batch.size,compression.type,max.request.size',
  };
}

/** Both plugins are there, and the worker has read its topics and joined its group: only then it takes a connector. */
async function probe(state: StackState): Promise<void> {
  const url = addressesOf(state).connectUrl;
  await getJson(`${url}/health`);
  const plugins = (await getJson(`${url}/connector-plugins?connectorsOnly=false`)) as { class: string }[];
  const missing = PLUGINS.filter((name) => !plugins.some((plugin) => plugin.class === name));
  if (missing.length > 0) throw new Error(`Connect does not know ${missing.join(' and ')}`);
}
