import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { tlsFiles, TRUSTSTORE_PASSWORD } from './certificates.ts';
import { compilerOptions, JVM_OPTIONS, KAFKA_LOG_OPTION, writeProperties } from './jvm.ts';
import type { LaunchCommand } from './process.ts';
import { fetchJmxAgent } from './runtime.ts';
import { getJson, serverEnvironment, type Server, type StartContext } from './server.ts';
import { SASL_MECHANISM, scramLogin, WEB_USER, type Secure } from './secure.ts';
import { addressesOf, caFileOf, type Instance, type StackState } from './state.ts';

const HEAP = '768m';
const JMX_RULES = fileURLToPath(new URL('../observability/kafka-connect-jmx.yml', import.meta.url));
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
  const { secure } = state;
  // The connector's configuration refers to them by name; they are stored nowhere that Connect's REST interface shows.
  const secrets = {
    HISTORY_CDC_CONNECTOR_PASSWORD: state.passwords.connector,
    ...(secure !== undefined && { HISTORY_CDC_REGISTRY_PASSWORD: secure.passwords.registry }),
  };
  const env = { ...serverEnvironment(environment), ...secrets };
  const jvmOptions = [
    ...compilerOptions(state),
    // On loopback, without a login: no value of a row is in it.
    `-javaagent:${await fetchJmxAgent(context)}=127.0.0.1:${String(state.ports.connectMetrics)}:${JMX_RULES}`,
    ...(secure === undefined ? [] : secureOptions(context.instance, secure)),
  ];
  return await workerCommand(context, config, { env, jvmOptions });
}

interface WorkerOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly jvmOptions?: readonly string[];
}

/** A worker of Connect with a properties file; for the bench's second one, too. */
export async function workerCommand(
  { instance, jvm }: Pick<StartContext, 'instance' | 'jvm'>,
  config: string,
  { env, jvmOptions = [] }: WorkerOptions,
): Promise<LaunchCommand> {
  const { java, runtime } = await jvm();
  const main = 'org.apache.kafka.connect.cli.ConnectDistributed';
  const heap = ['-Xms128m', `-Xmx${HEAP}`];
  return {
    file: java,
    args: [...heap, ...JVM_OPTIONS, KAFKA_LOG_OPTION, ...jvmOptions, '-cp', runtime.kafkaJars, main, config],
    cwd: instance.folder,
    env,
  };
}

export function workerProperties(state: StackState, plugins: string): Record<string, string> {
  return {
    'bootstrap.servers': addressesOf(state).kafkaBrokers,
    'group.id': 'history-cdc-connect',
    listeners: `${state.secure === undefined ? 'http' : 'https'}://127.0.0.1:${String(state.ports.connect)}`,
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
    ...(state.secure !== undefined && secureProperties(state.secure)),
  };
}

/**
 * Two files that the JVM reads: who may log in to the REST interface, and the authority of the registry, which the
 * converter's client takes from the JVM only.
 */
function secureOptions(instance: Instance, { tls, passwords }: Secure): string[] {
  const users = writeProperties(instance, 'connect-users.properties', { [WEB_USER]: passwords.connect });
  const login = path.join(instance.folder, 'config', 'connect-login.conf');
  const module = 'org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule';
  writeFileSync(login, `KafkaConnect {\n  ${module} required file="${users}";\n};\n`, { mode: 0o600 });
  return [
    `-Djava.security.auth.login.config=${login}`,
    `-Djavax.net.ssl.trustStore=${tlsFiles(tls).truststore}`,
    '-Djavax.net.ssl.trustStoreType=PKCS12',
    `-Djavax.net.ssl.trustStorePassword=${TRUSTSTORE_PASSWORD}`,
  ];
}

/**
 * The worker's own clients and those of its connectors log in to Kafka alike; a connector cannot change how, nor see
 * it. Kafka's own extension for basic authentication is the one REST extension: the interface is as good as a shell
 * on the worker, and nothing else of Kafka's guards it.
 */
function secureProperties(secure: Secure): Record<string, string> {
  const files = tlsFiles(secure.tls);
  const client = {
    'security.protocol': 'SASL_SSL',
    'sasl.mechanism': SASL_MECHANISM,
    'sasl.jaas.config': scramLogin(secure, 'connect'),
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': files.ca,
  };
  const prefixed = ['', 'producer.', 'consumer.', 'admin.'].flatMap((prefix) =>
    Object.entries(client).map(([name, value]) => [`${prefix}${name}`, value] as const),
  );
  return {
    ...Object.fromEntries(prefixed),
    'listeners.https.ssl.keystore.type': 'PKCS12',
    'listeners.https.ssl.keystore.location': files.connectKeystore,
    'listeners.https.ssl.keystore.password': secure.passwords.keystore,
    'listeners.https.ssl.key.password': secure.passwords.keystore,
    'rest.extension.classes':
      'org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension',
  };
}

/** Both plugins are there, and the worker has read its topics and joined its group: only then it takes a connector. */
async function probe(state: StackState): Promise<void> {
  const url = addressesOf(state).connectUrl;
  const ask = async (path: string) => await getJson(url, path, caFileOf(state));
  await ask('/health');
  const plugins = (await ask('/connector-plugins?connectorsOnly=false')) as { class: string }[];
  const missing = PLUGINS.filter((name) => !plugins.some((plugin) => plugin.class === name));
  if (missing.length > 0) throw new Error(`Connect does not know ${missing.join(' and ')}`);
}
