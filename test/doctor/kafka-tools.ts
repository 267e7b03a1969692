import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { fetchRuntime } from '../../stack/runtime.ts';
import { JVM_OPTIONS, KAFKA_LOG_OPTION, QUICK_START } from '../../stack/jvm.ts';
import type { KafkaCluster } from '../../lib/kafka-cluster.ts';
import { until } from '../support/until.ts';

/**
 * `kafka-configs.sh` as it is, from the jars of the local stack; of `kafka-topics.sh`, whose jar is not among them, what
 * the fixes use, with the admin client.
 */
export function kafkaTools(cluster: KafkaCluster) {
  return async (name: string, args: readonly string[]): Promise<void> => {
    if (name === 'kafka-configs.sh') await configs(args);
    else if (name === 'kafka-topics.sh' && args.includes('--delete')) await deleteTopic(cluster, args);
    else throw new Error(`nothing here stands for ${name} ${args.join(' ')}`);
  };
}

async function configs(args: readonly string[]): Promise<void> {
  const { kafkaJars } = await fetchRuntime(process.env, () => undefined);
  const jvm = [QUICK_START, ...JVM_OPTIONS, KAFKA_LOG_OPTION, '-cp', kafkaJars];
  await promisify(execFile)('java', [...jvm, 'kafka.admin.ConfigCommand', ...args]);
}

/** Returns when it is gone: the tool does not wait, but takes longer to start. */
async function deleteTopic(cluster: KafkaCluster, args: readonly string[]): Promise<void> {
  const topic = args[args.indexOf('--topic') + 1] ?? '';
  const isThere = async () => (await cluster.listTopics()).includes(topic);
  if (await isThere()) await cluster.deleteTopics([topic]);
  await until(`${topic} is gone`, async () => !(await isThere()));
}
