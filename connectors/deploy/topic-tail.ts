import { randomUUID } from 'node:crypto';
import { FatalError, messageOf } from '../../consumers/lib/errors.ts';
import type { KafkaCluster } from '../../consumers/lib/kafka-cluster.ts';
import type { FetchedRecords, TopicRecord } from '../../consumers/lib/kafka-consumer.ts';
import type { ValueDecoder } from './record-value.ts';

export interface TailOptions {
  readonly topic: string;
  /** `start`: everything that the topic holds; `last`: its last record and what follows; `new`: what comes from now on. */
  readonly from: 'start' | 'last' | 'new';
  readonly decode: ValueDecoder;
  /** Called for every record that has a value, in order. */
  readonly take: (record: TopicRecord, value: unknown) => void;
}

/** Each tail has a group of its own. */
const GROUPS = 'history-cdc-tail-';

/** Reads a topic of one partition until it is stopped, and leaves no consumer group behind. The topic must exist. */
export class TopicTail {
  readonly #cluster: KafkaCluster;
  readonly #options: TailOptions;
  readonly #group = `${GROUPS}${randomUUID()}`;
  /** Where the topic ended when the tail began. */
  readonly #end: bigint;
  #next: bigint;
  #failure: FatalError | undefined;
  #leave: () => Promise<void> = () => Promise.resolve();

  private constructor(cluster: KafkaCluster, options: TailOptions, marks: { low: bigint; high: bigint }) {
    const { low, high } = marks;
    this.#cluster = cluster;
    this.#options = options;
    this.#end = high;
    this.#next = { start: low, last: high > low ? high - 1n : high, new: high }[options.from];
  }

  static async start(cluster: KafkaCluster, options: TailOptions): Promise<TopicTail> {
    const marks = (await cluster.watermarks(options.topic)).get(0) ?? { low: 0n, high: 0n };
    const tail = new TopicTail(cluster, options, marks);
    const consumer = await cluster.consume({
      group: tail.#group,
      groups: GROUPS,
      topic: options.topic,
      fetchBytes: 1_048_576,
      assigned: (partitions) =>
        Promise.resolve(new Map(partitions.map((partition) => [partition, tail.#next]))),
      records: async (fetched) => {
        await tail.#read(fetched);
      },
      failed: (error) => {
        tail.#fail(error);
      },
    });
    tail.#leave = () => consumer.stop();
    return tail;
  }

  /** True once everything was read that the topic held when the tail began. Throws what keeps it from being read. */
  caughtUp(): boolean {
    if (this.#failure !== undefined) throw this.#failure;
    return this.#next >= this.#end;
  }

  async stop(): Promise<void> {
    await this.#leave();
    await this.#cluster.deleteGroup(this.#group);
  }

  /** An error must not reach kafkajs: it would try the same record again and again. */
  async #read({ records }: FetchedRecords): Promise<void> {
    try {
      for (const record of records) {
        if (record.value !== null) this.#options.take(record, await this.#options.decode(record.value));
        this.#next = record.offset + 1n;
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure =
      error instanceof FatalError
        ? error
        : new FatalError({
            code: 'CONNECTOR_UNREADABLE',
            message: `the topic ${this.#options.topic} cannot be read: ${messageOf(error)}`,
            wayOut:
              'the converter of the connector, SCHEMA_REGISTRY_URL and CONNECTOR_SCHEMA_REGISTRY_URL must belong together: all three for Avro, or no registry at all for JSON',
            cause: error,
          });
  }
}
