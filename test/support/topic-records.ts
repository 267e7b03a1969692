import type { TopicRecord } from '../../lib/kafka-consumer.ts';
import type { Pipeline } from './pipeline.ts';
import { until } from './until.ts';

export type PlacedRecord = TopicRecord & { readonly partition: number };

/** Every record of the data topic, as it lies in it. */
export async function readTopic({ cluster, config, topic }: Pipeline): Promise<PlacedRecord[]> {
  const read: PlacedRecord[] = [];
  const group = `${config.CONSUMER_GROUP}-reader`;
  const watermarks = await cluster.watermarks(topic);
  const consumer = await cluster.consume({
    group,
    topic,
    fetchBytes: 1_048_576,
    assigned: (partitions) =>
      Promise.resolve(
        new Map(partitions.map((partition) => [partition, watermarks.get(partition)?.low ?? 0n])),
      ),
    records: ({ partition, records }) => {
      read.push(...records.map((record) => ({ ...record, partition })));
      return Promise.resolve();
    },
    failed: () => undefined,
  });
  const expected = [...watermarks.values()].reduce((sum, { low, high }) => sum + high - low, 0n);
  await until('every record of the topic is read', () => read.length >= expected);
  await consumer.stop();
  await cluster.deleteGroup(group);
  return read;
}

/** Deletes the records before these offsets, as a retention that is too short would. */
export async function deleteRecordsBefore(
  { admin, topic }: Pipeline,
  offsets: ReadonlyMap<number, bigint>,
): Promise<void> {
  // kafkajs knows the partitions of a topic only once it has been asked for them.
  await admin.fetchTopicOffsets(topic);
  const partitions = [...offsets].map(([partition, offset]) => ({ partition, offset: String(offset) }));
  await admin.deleteTopicRecords({ topic, partitions });
}
