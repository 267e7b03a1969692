import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { JVM_OPTIONS, QUICK_START, KAFKA_LOG_OPTION, writeProperties } from './jvm.ts';
import { countBrokers } from './kafka-probe.ts';
import { newFolder } from './new-folder.ts';
import type { LaunchCommand } from './process.ts';
import { serverEnvironment, type Server, type StartContext } from './server.ts';
import type { StackState } from './state.ts';

const HEAP = '512m';
const FORMAT_TIMEOUT_MS = 60_000;

export const kafka: Server = {
  name: 'kafka',
  title: 'Kafka',
  startWithinMs: 180_000,
  stopSignal: 'SIGTERM',
  after: [],
  prepare,
  probe: async ({ ports }) => {
    if ((await countBrokers(ports.kafka)) === 0) throw new Error('the broker is not yet registered');
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
    await promisify(execFile)(java, [QUICK_START, ...jvm, ...format], {
      ...base,
      timeout: FORMAT_TIMEOUT_MS,
    });
  });
  const config = writeProperties(instance, 'kafka.properties', properties(state, data));
  return { ...base, args: [...jvm, 'kafka.Kafka', config] };
}

function properties({ ports }: StackState, data: string): Record<string, string> {
  const broker = `127.0.0.1:${String(ports.kafka)}`;
  const controller = `127.0.0.1:${String(ports.kafkaController)}`;
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    // Named here, not in the metadata log: the port may change while the data stays.
    'controller.quorum.voters': `1@${controller}`,
    listeners: `PLAINTEXT://${broker},CONTROLLER://${controller}`,
    'advertised.listeners': `PLAINTEXT://${broker}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': data,
    // A topic that nobody created on purpose is a mistake, and has to show as one.
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
  };
}
