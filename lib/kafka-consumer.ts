import { batchesOf, type BatchMark } from './kafka-batch.ts';
import type { RawRecord } from './kafka-fetch-answer.ts';
import { KafkaJSError } from './kafka.ts';
import type { Consumer, EachBatchPayload, Kafka, KafkaMessage } from './kafka.ts';
import type { Logger } from './log.ts';
import { settledWithin } from './settled-within.ts';
import { within } from './within.ts';

export interface TopicRecord {
  readonly offset: bigint;
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: RecordHeaders;
}

/** By name. If a name occurs several times, its value is a list. */
export type RecordHeaders = Readonly<
  Record<string, Buffer | string | readonly (Buffer | string)[] | undefined>
>;

/** Each batch of a fetch needs a worker of kafkajs; otherwise it would wait for the batch of another partition. */
const BATCHES_AT_ONCE = 64;
const HEARTBEAT_PAUSE_MS = 1_000;
/** This excludes joining the group, which may have to wait for a dead member. */
const CONNECTED_WITHIN_MS = 60_000;

export interface ConsumeOptions {
  readonly group: string;
  /**
   * The prefix of the group's name, if each reader has a group of its own. Rights are given on all groups with the
   * prefix.
   */
  readonly groups?: string;
  readonly topic: string;
  /** Bytes that one fetch may bring for one partition. */
  readonly fetchBytes: number;
  /**
   * Called at every assignment, before any record of it. Answers from which offset each partition is to be read. There
   * is one call at a time. `outdated` fires if the group has assigned again in the meantime, so that the answer is no
   * longer wanted.
   */
  assigned(partitions: readonly number[], outdated: AbortSignal): Promise<ReadonlyMap<number, bigint>>;
  /**
   * What a fetch has brought for one partition, in order. Called after each fetch, also after one without records. The
   * next fetch waits for this promise: that is the backpressure. A reader that waits long in here must call `heartbeat`
   * now and then; otherwise the group gives the partition to another member.
   */
  records(fetched: FetchedRecords): Promise<void>;
  /**
   * Called when a broker has answered a fetch or a heartbeat: every few seconds, also when there is nothing to read.
   */
  answered?(): void;
  /** The consumer cannot go on. Called at most once. */
  readonly failed: (error: unknown) => void;
}

export interface FetchedRecords {
  readonly partition: number;
  /** The offset that was asked for. The first record may have a later offset. */
  readonly fetchedOffset: bigint;
  /**
   * The offset after the last one that the fetch has read. Transaction markers, aborted records and batches emptied by
   * compaction take offsets without being records. So this offset may be beyond the last record, and may exist without
   * any record.
   */
  readonly nextOffset: bigint;
  readonly highWatermark: bigint;
  readonly records: readonly TopicRecord[];
  /** The batches that the fetch has read, in order, with or without records. */
  readonly batches: readonly BatchMark[];
  readonly heartbeat: () => Promise<void>;
}

export interface TopicConsumer {
  seek(partition: number, offset: bigint): void;
  /** Tells the group how far we are. Only lag tools read this offset. */
  commit(offsets: ReadonlyMap<number, bigint>): Promise<void>;
  /** Finishes the current batches, and leaves the group. */
  stop(): Promise<void>;
}

/**
 * Joins a group and hands over batches. This never decides where to continue reading: positions come from `assigned`,
 * and the offset stored by the group is for lag tools only.
 */
export async function startConsumer(
  kafka: Kafka,
  options: ConsumeOptions,
  logger: Logger,
): Promise<TopicConsumer> {
  const { group, topic } = options;
  const consumer = createConsumer(kafka, options);
  let failure: unknown;
  const fail = (error: unknown) => {
    if (failure !== undefined) return;
    failure = error;
    options.failed(error);
  };
  // Batches can arrive before the answer to an assignment is known. They wait for this promise.
  let positioned: Promise<void> = Promise.resolve();
  let positioning = 0;
  let assignment = new AbortController();
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    const partitions = payload.memberAssignment[topic] ?? [];
    assignment.abort();
    const { signal } = (assignment = new AbortController());
    positioning++;
    positioned = positioned
      .then(async () => {
        signal.throwIfAborted();
        const offsets = await options.assigned(partitions, signal);
        signal.throwIfAborted();
        for (const [partition, offset] of offsets)
          consumer.seek({ topic, partition, offset: String(offset) });
      })
      .catch((error: unknown) => {
        if (!signal.aborted) fail(error);
      })
      .finally(() => positioning--);
  });
  for (const event of [consumer.events.FETCH, consumer.events.HEARTBEAT] as const) {
    consumer.on(event, () => options.answered?.());
  }
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    logger.warn(
      { group, restarts: payload.restart, reason: payload.error.message },
      'the Kafka consumer failed',
    );
    // kafkajs leaves a process that consumes nothing. Only a new process helps.
    if (!payload.restart) fail(payload.error);
  });
  await connected(consumer, topic);
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: BATCHES_AT_ONCE,
    eachBatch: async (payload) => {
      // While the answer takes long (Postgres is away), the group must receive heartbeats; otherwise it would take all
      // partitions away.
      while (positioning > 0)
        if (!(await settledWithin(HEARTBEAT_PAUSE_MS, positioned))) await payload.heartbeat();
      if (failure !== undefined || payload.isStale() || !payload.isRunning()) return;
      await handOver(payload, (fetched) => options.records(fetched), fail);
    },
  });
  return controlsOf(consumer, topic);
}

async function connected(consumer: Consumer, topic: string): Promise<void> {
  await within(CONNECTED_WITHIN_MS, async () => {
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
  });
}

/** Hands a batch over, and then moves the position on, unless another position was sought in the meantime. */
async function handOver(
  payload: EachBatchPayload,
  records: ConsumeOptions['records'],
  fail: (error: unknown) => void,
): Promise<void> {
  const fetched = fetchedRecords(payload);
  try {
    await records(fetched);
  } catch (error) {
    // A heartbeat met a rebalance. kafkajs joins the group again by itself.
    if (error instanceof KafkaJSError) throw error;
    fail(error);
    return;
  }
  if (fetched.nextOffset > fetched.fetchedOffset && !payload.isStale())
    payload.resolveOffset(String(fetched.nextOffset - 1n));
}

function controlsOf(consumer: Consumer, topic: string): TopicConsumer {
  return {
    seek: (partition, offset) => {
      consumer.seek({ topic, partition, offset: String(offset) });
    },
    commit: async (offsets) => {
      await consumer.commitOffsets(
        [...offsets].map(([partition, offset]) => ({ topic, partition, offset: String(offset) })),
      );
    },
    stop: async () => {
      await consumer.disconnect();
    },
  };
}

function createConsumer(kafka: Kafka, { group, fetchBytes }: ConsumeOptions) {
  return kafka.consumer({
    groupId: group,
    sessionTimeout: 30_000,
    heartbeatInterval: 3_000,
    maxBytesPerPartition: fetchBytes,
    maxBytes: fetchBytes * 4,
    // A longer wait would delay a stop. When there is data, the broker answers at once.
    maxWaitTimeInMs: 500,
    allowAutoTopicCreation: false,
  });
}

function fetchedRecords(payload: EachBatchPayload): FetchedRecords {
  const { batch } = payload;
  // kafkajs sets these fields, but does not declare them.
  const inner = batch as unknown as { readonly fetchedOffset: string; readonly rawMessages: RawRecord[] };
  const fetchedOffset = BigInt(inner.fetchedOffset);
  const batches = batchesOf(inner.rawMessages);
  const behind = (batches.at(-1)?.last ?? -1n) + 1n;
  return {
    partition: batch.partition,
    fetchedOffset,
    nextOffset: behind > fetchedOffset ? behind : fetchedOffset,
    highWatermark: BigInt(batch.highWatermark),
    records: batch.messages.map(topicRecord),
    batches,
    heartbeat: () => payload.heartbeat(),
  };
}

function topicRecord({ offset, timestamp, key, value, headers }: KafkaMessage): TopicRecord {
  const record = { offset: BigInt(offset), timestampMs: Number(timestamp), key, value };
  return headers === undefined ? record : { ...record, headers };
}
