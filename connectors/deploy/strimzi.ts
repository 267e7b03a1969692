import { FatalError } from '../../lib/errors.ts';
import type { TopicSpec } from '../../lib/kafka-cluster.ts';
import type { DesiredConnector } from './desired.ts';

/** A resource of Kubernetes; only the parts that we write. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly spec: Readonly<Record<string, unknown>>;
}

const API_VERSION = 'kafka.strimzi.io/v1beta2';
const RESOURCE_NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

/**
 * The connector as Strimzi's operator takes it: the settings that `connector apply` would send, with the secrets as
 * references to the worker's environment. `connect` is the name of the KafkaConnect resource.
 */
export function kafkaConnector({ name, config }: DesiredConnector, connect: string): Manifest {
  const { 'connector.class': connectorClass, 'tasks.max': tasksMax, ...others } = config;
  Reflect.deleteProperty(others, 'name');
  if (!RESOURCE_NAME.test(name))
    throw new FatalError({
      code: 'CONFIG_INVALID',
      message: `CONNECTOR_NAME is ${name}, which cannot be the name of a resource in Kubernetes`,
      wayOut: 'set CONNECTOR_NAME to lower-case letters, digits and hyphens',
    });
  return {
    apiVersion: API_VERSION,
    kind: 'KafkaConnector',
    metadata: { name, labels: { 'strimzi.io/cluster': connect } },
    spec: {
      class: connectorClass,
      tasksMax: Number(tasksMax),
      // The watchdog of `project` restarts a failed task, after it has looked whether rows would be missing.
      autoRestart: { enabled: false },
      config: others,
    },
  };
}

/** The topics that the connector writes to. `kafka` is the name of the Kafka resource. */
export function kafkaTopics(topics: readonly TopicSpec[], kafka: string): readonly Manifest[] {
  return topics.map(({ name, partitions, replication, config }) => ({
    apiVersion: API_VERSION,
    kind: 'KafkaTopic',
    metadata: { name: resourceName(name), labels: { 'strimzi.io/cluster': kafka } },
    spec: { topicName: name, partitions, replicas: replication, config },
  }));
}

/** A topic may have `_` in its name, and begin with it; a resource may not. */
function resourceName(topic: string): string {
  return topic
    .toLowerCase()
    .replaceAll('_', '-')
    .replace(/^[-.]+/, '');
}
