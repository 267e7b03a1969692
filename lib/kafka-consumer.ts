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

/** By name; a name that occurs several times has a list. */
export type RecordHeaders = Readonly<
  Record<string, Buffer | string | readonly (Buffer | string)[] | undefined>
>;

/** Workers of kafkajs; each batch of a fetch needs one of its own, or it would wait for another partition's. */
const BATCHES_AT_ONCE = 64;
const HEARTBEAT_PAUSE_MS = 1_000;
/** Joining the group is not among it: that may wait for a member that died. */
const CONNECTED_WITHIN_MS = 60_000;

export interface ConsumeOptions {
  readonly group: string;
  /** What the names of such groups begin with, where each reading has one of its own: rights are given on all of them. */
  readonly groups?: string;
  readonly topic: string;
  /** Bytes that one fetch may bring for one partition. */
  readonly fetchBytes: number;
  /**
   * Called at every assignment, before any record of it: answers from where each partition is to be read. One at a
   * time; `outdated` fires when the group has assigned anew meanwhile, and the answer is no longer wanted.
   */
  assigned(partitions: readonly number[], outdated: AbortSignal): Promise<ReadonlyMap<number, bigint>>;
  /**
   * What a fetch has brought for one partition, in order: after each fetch, also where it has brought no record. The next
   * fetch waits for this promise, which is the backpressure. A reader that waits long in here calls `heartbeat` now and
   * then, because otherwise the group gives the partition away.
   */
  records(fetched: FetchedRecords): Promise<void>;
  /** A broker has answered a fetch or a heartbeat: every few seconds, also when there is nothing to read. */
  answered?(): void;
  /** The consumer cannot go on. Called once at most. */
  failed(error: unknown): void;
}

export interface FetchedRecords {
  readonly partition: number;
  /** The offset that was asked for; the first record may have a later one. */
  readonly fetchedOffset: bigint;
  /**
   * The offset behind the last one that the fetch has read. Markers of transactions, records of aborted ones and batches
   * that compaction has emptied take offsets and are no records, so it may lie beyond the last record, or without any.
   */
  readonly nextOffset: bigint;
  readonly highWatermark: bigint;
  readonly records: readonly TopicRecord[];
  /** The batches that the fetch has read, in order, whether they hold records or not. */
  readonly batches: readonly BatchMark[];
  readonly heartbeat: () => Promise<void>;
}

export interface TopicConsumer {
  seek(partition: number, offset: bigint): void;
  /** Tells the group how far we are; only lag tools read it. */
  commit(offsets: ReadonlyMap<number, bigint>): Promise<void>;
  /** Leaves the group after the batches in hand. */
  stop(): Promise<void>;
}

/**
 * Joins a group and hands over batches. It never decides for itself where to read on: positions come from `assigned`,
 * and the offset that the group has stored is for lag tools only.
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
  // Batches can arrive before the answer to an assignment is known: they wait for this promise.
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
    // kafkajs leaves a process behind that consumes nothing: the way on is a new process.
    if (!payload.restart) fail(payload.error);
  });
  await connected(consumer, topic);
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: BATCHES_AT_ONCE,
    eachBatch: async (payload) => {
      // The group must hear from us while the answer takes long (Postgres is away), or it would give everything away.
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

/** Hands a batch over, and moves the position on unless somebody has sought another one. */
async function handOver(
  payload: EachBatchPayload,
  records: ConsumeOptions['records'],
  fail: (error: unknown) => void,
): Promise<void> {
  const fetched = fetchedRecords(payload);
  try {
    await records(fetched);
  } catch (error) {
    // A rebalance, met by a heartbeat, is kafkajs's own business: it joins the group again.
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
    // A fetch that waits longer would hold up a stop; when data is there it answers at once.
    maxWaitTimeInMs: 500,
    allowAutoTopicCreation: false,
  });
}

function fetchedRecords(payload: EachBatchPayload): FetchedRecords {
  const { batch } = payload;
  // kafkajs has them, its types do not.
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
