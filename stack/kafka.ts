import { execFile } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { tlsFiles } from './certificates.ts';
import { compilerOptions, JVM_OPTIONS, QUICK_START, KAFKA_LOG_OPTION, writeProperties } from './jvm.ts';
import { countSecureBrokers, grantAccess } from './kafka-access.ts';
import { countBrokers } from './kafka-probe.ts';
import { newFolder } from './new-folder.ts';
import type { LaunchCommand } from './process.ts';
import { serverEnvironment, type Server, type StartContext } from './server.ts';
import {
  KAFKA_USERS,
  kafkaPassword,
  SASL_MECHANISM,
  scramLogin,
  type KafkaUser,
  type Secure,
} from './secure.ts';
import type { Instance, StackState } from './state.ts';

const HEAP = '512m';
const FORMAT_TIMEOUT_MS = 60_000;

export const kafka: Server = {
  name: 'kafka',
  title: 'Kafka',
  startWithinMs: 180_000,
  stopSignal: 'SIGTERM',
  after: [],
  prepare,
  probe: async (state) => {
    const brokers =
      state.secure === undefined ? await countBrokers(state.ports.kafka) : await countSecureBrokers(state);
    if (brokers === 0) throw new Error('the broker is not yet registered');
  },
  furnish: async (state) => {
    if (state.secure !== undefined) await grantAccess(state);
  },
};

async function prepare(context: StartContext): Promise<LaunchCommand> {
  const { instance, state } = context;
  const { java, runtime } = await context.jvm();
  const base = { file: java, cwd: instance.folder, env: serverEnvironment(context.environment) };
  const jvm = ['-Xms64m', `-Xmx${HEAP}`, ...JVM_OPTIONS, KAFKA_LOG_OPTION, '-cp', runtime.kafkaJars];
  const data = path.join(instance.folder, 'kafka');
  await newFolder(data, async (fresh) => {
    const config = writeProperties(instance, 'kafka-format.properties', properties(state, fresh));
    const format = ['kafka.tools.StorageTool', 'format', '-t', state.clusterId, '-c', config];
    const users = state.secure === undefined ? [] : [`@${usersFile(instance, state.secure)}`];
    await promisify(execFile)(java, [QUICK_START, ...jvm, ...format, ...users], {
      ...base,
      timeout: FORMAT_TIMEOUT_MS,
    }).finally(() => {
      for (const file of users) rmSync(file.slice(1), { force: true });
    });
  });
  const config = writeProperties(instance, 'kafka.properties', properties(state, data));
  return { ...base, args: [...compilerOptions(state), ...jvm, 'kafka.Kafka', config] };
}

/**
 * Writes the arguments with passwords into a file, one per line, because everybody can read the arguments of a running
 * process.
 */
function usersFile(instance: Instance, secure: Secure): string {
  const file = path.join(instance.folder, 'config', 'kafka-users');
  const users = Object.keys(KAFKA_USERS) as KafkaUser[];
  const lines = users.flatMap((user) => [
    '--add-scram',
    `${SASL_MECHANISM}=[name=${KAFKA_USERS[user]},password=${kafkaPassword(secure, user)}]`,
  ]);
  writeFileSync(file, lines.map((line) => `${line}\n`).join(''), { mode: 0o600 });
  return file;
}

/**
 * Clients and the broker itself log in with SCRAM over TLS. The controller's listener demands the broker's own
 * certificate. What no access rule allows is forbidden.
 */
function secureProperties(secure: Secure): Record<string, string> {
  const files = tlsFiles(secure.tls);
  return {
    'inter.broker.listener.name': 'SASL_SSL',
    'sasl.enabled.mechanisms': SASL_MECHANISM,
    'sasl.mechanism.inter.broker.protocol': SASL_MECHANISM,
    [`listener.name.sasl_ssl.${SASL_MECHANISM.toLowerCase()}.sasl.jaas.config`]: scramLogin(secure, 'admin'),
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': files.kafkaKeystore,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': files.ca,
    'listener.name.controller.ssl.client.auth': 'required',
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'allow.everyone.if.no.acl.found': 'false',
    'super.users': `User:${KAFKA_USERS.admin};User:CN=kafka`,
  };
}

function properties({ ports, secure }: StackState, data: string): Record<string, string> {
  const broker = `127.0.0.1:${String(ports.kafka)}`;
  const controller = `127.0.0.1:${String(ports.kafkaController)}`;
  const listener = secure === undefined ? 'PLAINTEXT' : 'SASL_SSL';
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    // The voter's address stands in the settings, not in the metadata log, because its port may change while the data
    // stays.
    'controller.quorum.voters': `1@${controller}`,
    listeners: `${listener}://${broker},CONTROLLER://${controller}`,
    'advertised.listeners': `${listener}://${broker}`,
    'listener.security.protocol.map': `${listener}:${listener},CONTROLLER:${secure === undefined ? 'PLAINTEXT' : 'SSL'}`,
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': data,
    // A client that uses a missing topic has a wrong setting, and must get an error.
    'auto.create.topics.enable': 'false',
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '4',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    'num.network.threads': '2',
    'num.io.threads': '4',
    'num.recovery.threads.per.data.dir': '2',
    'log.cleaner.dedupe.buffer.size': '16777216',
    ...(secure !== undefined && secureProperties(secure)),
  };
}
