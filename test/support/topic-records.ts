import type { TopicRecord } from '../../lib/kafka-consumer.ts';
import type { Pipeline } from './pipeline.ts';
import { until } from './until.ts';

export type PlacedRecord = TopicRecord & { readonly partition: number };

/** Every record of the data topic, as it lies in it. */
export async function readTopic(pipeline: Pipeline): Promise<PlacedRecord[]> {
  return await readRecords(pipeline, pipeline.topic);
}

/** Every record of a topic, as it lies in it, without the markers of transactions. */
export async function readRecords({ cluster, config }: Pipeline, topic: string): Promise<PlacedRecord[]> {
  const read: PlacedRecord[] = [];
  const group = `${config.CONSUMER_GROUP}-reader`;
  const watermarks = await cluster.watermarks(topic);
  const behind = new Map([...watermarks].filter(([, { low, high }]) => low < high));
  if (behind.size === 0) return read;
  const consumer = await cluster.consume({
    group,
    topic,
    fetchBytes: 1_048_576,
    assigned: (partitions) =>
      Promise.resolve(
        new Map(partitions.map((partition) => [partition, watermarks.get(partition)?.low ?? 0n])),
      ),
    records: ({ partition, records, nextOffset }) => {
      read.push(...records.map((record) => ({ ...record, partition })));
      if (nextOffset >= (behind.get(partition)?.high ?? 0n)) behind.delete(partition);
      return Promise.resolve();
    },
    failed: () => undefined,
  });
  await until(`every record of ${topic} is read`, () => behind.size === 0);
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
