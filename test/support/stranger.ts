import { Kafka, PartitionAssigners, type KafkaSettings } from '../../lib/kafka.ts';

type Assigners = NonNullable<Parameters<Kafka['consumer']>[0]['partitionAssigners']>;

/** The consumer of another application, `billing`, in a group. Returns when it is a member; gives what makes it leave. */
export async function joinAsStranger(
  { KAFKA_BROKERS: brokers }: Pick<KafkaSettings, 'KAFKA_BROKERS'>,
  { group, topic, assigner }: { readonly group: string; readonly topic: string; readonly assigner?: string },
): Promise<() => Promise<void>> {
  const kafka = new Kafka({ clientId: 'billing', brokers: [...brokers] });
  const partitionAssigners = assigner === undefined ? undefined : [named(assigner)];
  const consumer = kafka.consumer({ groupId: group, ...(partitionAssigners && { partitionAssigners }) });
  const joined = new Promise<void>((resolve) => {
    consumer.on(consumer.events.GROUP_JOIN, () => {
      resolve();
    });
  });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic] });
  await consumer.run({ eachBatch: () => Promise.resolve() });
  await joined;
  return () => consumer.disconnect();
}

/** An assigner of a name that we do not use, as those of Kafka's own consumer. */
function named(name: string): Assigners[number] {
  return (options) => {
    const assigner = PartitionAssigners.roundRobin(options);
    return { ...assigner, name, protocol: (topics) => ({ ...assigner.protocol(topics), name }) };
  };
}
