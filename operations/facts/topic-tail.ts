import { randomUUID } from 'node:crypto';
import { FatalError, messageOf } from '../../lib/errors.ts';
import type { KafkaCluster } from '../../lib/kafka-cluster.ts';
import type { FetchedRecords, TopicRecord } from '../../lib/kafka-consumer.ts';
import type { ValueDecoder } from './record-value.ts';

export interface TailOptions {
  readonly topic: string;
  /** `start`: everything that the topic holds; `last`: its last record and what follows; `new`: what comes from now on. */
  readonly from: 'start' | 'last' | 'new';
  readonly decode: ValueDecoder;
  /** Called for every record that has a value, in order. */
  readonly take: (record: TopicRecord, value: unknown) => void;
}

/** The last record lies before the markers of transactions, and before the records of aborted ones: so many offsets at most. */
const LAST_OFFSETS = 1_000n;
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
  /** The newest record from before the end, where only that one is wanted. */
  #newest: TopicRecord | undefined;
  #failure: FatalError | undefined;
  #leave: () => Promise<void> = () => Promise.resolve();

  private constructor(cluster: KafkaCluster, options: TailOptions, marks: { low: bigint; high: bigint }) {
    const { low, high } = marks;
    this.#cluster = cluster;
    this.#options = options;
    this.#end = high;
    const last = high - low > LAST_OFFSETS ? high - LAST_OFFSETS : low;
    this.#next = { start: low, last, new: high }[options.from];
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
  async #read({ records, nextOffset }: FetchedRecords): Promise<void> {
    try {
      for (const record of records) {
        if (record.offset < this.#next) continue;
        if (this.#options.from === 'last' && record.offset < this.#end) this.#newest = record;
        else await this.#take(record);
      }
      if (nextOffset >= this.#end && this.#newest !== undefined) await this.#take(this.#newest);
      if (nextOffset > this.#next) this.#next = nextOffset;
    } catch (error) {
      this.#fail(error);
    }
  }

  async #take(record: TopicRecord): Promise<void> {
    this.#newest = undefined;
    if (record.value !== null) this.#options.take(record, await this.#options.decode(record.value));
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
