import type { KafkaCluster, Watermarks } from '../../lib/kafka-cluster.ts';
import type { FetchedRecords, TopicRecord } from '../../lib/kafka-consumer.ts';
import { settledWithin } from '../../lib/settled-within.ts';
import { formatPosition } from '../../lib/position.ts';
import type { Decoder } from '../../consumers/agent-test-history/record/decode.ts';
import { leftOutColumns, type SourceEvent } from '../../consumers/agent-test-history/record/event.ts';
import type { StoredOffset } from '../../consumers/agent-test-history/batch/offsets.ts';
import type { TopicEvent } from './report.ts';

const FETCH_BYTES = 4_194_304;
const FORGET_WITHIN_MS = 2_000;
/** Joining the group takes seconds. If the topic brings nothing for this time, its end cannot be reached. */
const SILENT_AT_MOST_MS = 60_000;

export interface TopicReading {
  readonly cluster: KafkaCluster;
  readonly topic: string;
  readonly topicId: string;
  /** A group for this reading alone. It is deleted at the end. */
  readonly group: string;
  /** The prefix of the names of such groups. */
  readonly groups: string;
  readonly decode: Decoder;
  readonly legacyId: string;
  /** The newest event of the key that the ledger has in this topic; null if it has none. */
  readonly applied: { readonly partition: number; readonly offset: bigint } | null;
  /** `partition:offset` of the key's quarantined records. */
  readonly parked: ReadonlySet<string>;
  /** How far the projectors have read. */
  readonly stored: ReadonlyMap<number, StoredOffset>;
  progress(done: number, total: number): void;
}

/**
 * Every event of one key that the topic still holds, in order. Reads the partition in which the ledger saw the key,
 * otherwise all partitions. Decodes and keeps only the records of the key.
 */
export async function readEvents(reading: TopicReading): Promise<TopicEvent[]> {
  const { cluster, topic, group, groups, applied } = reading;
  const all = await cluster.watermarks(topic);
  const wanted = new Map(
    [...all].filter(([partition]) => applied === null || partition === applied.partition),
  );
  const collector = new Collector(reading, wanted);
  if (collector.isDone) return [];
  let fail: (error: unknown) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => {
    fail = (error) => {
      reject(error instanceof Error ? error : new Error(String(error)));
    };
  });
  const silence = setTimeout(() => {
    fail(new Error(`the topic brought nothing for ${String(SILENT_AT_MOST_MS / 1000)} s`));
  }, SILENT_AT_MOST_MS);
  // The error is reported where `failed` is awaited.
  failed.catch(() => undefined);
  try {
    const consumer = await cluster.consume({
      group,
      groups,
      topic,
      fetchBytes: FETCH_BYTES,
      // A partition that is not wanted starts at its end.
      assigned: (partitions) =>
        Promise.resolve(
          new Map(partitions.map((partition) => [partition, startOf(partition, { all, wanted })])),
        ),
      records: async (fetched) => {
        if (fetched.nextOffset > fetched.fetchedOffset) silence.refresh();
        await collector.take(fetched);
      },
      failed: fail,
    });
    try {
      return await Promise.race([collector.done, failed]);
    } finally {
      await consumer.stop();
    }
  } finally {
    clearTimeout(silence);
    await settledWithin(FORGET_WITHIN_MS, cluster.deleteGroup(group));
  }
}

type Marks = ReadonlyMap<number, Watermarks>;

function startOf(
  partition: number,
  { all, wanted }: { readonly all: Marks; readonly wanted: Marks },
): bigint {
  return wanted.get(partition)?.low ?? all.get(partition)?.high ?? 0n;
}

/** Takes batches until each wanted partition is read to the end that it had at the start. */
class Collector {
  readonly done: Promise<TopicEvent[]>;
  readonly #reading: TopicReading;
  readonly #open: Map<number, Watermarks>;
  readonly #wanted: Marks;
  readonly #next = new Map<number, bigint>();
  readonly #events: TopicEvent[] = [];
  #finish: (events: TopicEvent[]) => void = () => undefined;

  constructor(reading: TopicReading, wanted: Marks) {
    this.#reading = reading;
    this.#wanted = wanted;
    this.#open = new Map([...wanted].filter(([, { low, high }]) => low < high));
    this.done = new Promise((resolve) => (this.#finish = resolve));
  }

  get isDone(): boolean {
    return this.#open.size === 0;
  }

  async take({ partition, records, nextOffset }: FetchedRecords): Promise<void> {
    const marks = this.#open.get(partition);
    if (marks === undefined) return;
    const from = this.#next.get(partition) ?? marks.low;
    const own = records.filter((record) => record.offset >= from && isOf(record, this.#reading.legacyId));
    this.#events.push(...(await decoded(this.#reading, partition, own)));
    this.#next.set(partition, nextOffset);
    if (nextOffset >= marks.high) this.#open.delete(partition);
    this.#progress();
    if (this.isDone) this.#finish(this.#events.sort(byPosition));
  }

  #progress(): void {
    let [done, total] = [0n, 0n];
    for (const [partition, { low, high }] of this.#wanted) {
      total += high - low;
      done += (this.#next.get(partition) ?? low) - low;
    }
    this.#reading.progress(Number(done), Number(total));
  }
}

/** Compares the bytes of the key: both Avro and JSON contain the id as text. */
function isOf({ key }: TopicRecord, legacyId: string): boolean {
  return key?.includes(legacyId) === true;
}

async function decoded(
  reading: TopicReading,
  partition: number,
  records: readonly TopicRecord[],
): Promise<TopicEvent[]> {
  if (records.length === 0) return [];
  const { decode, topicId, stored } = reading;
  const events = await decode(records, { topicId, partition });
  return events.flatMap((event, index): TopicEvent[] => {
    const record = records[index];
    if (record === undefined) return [];
    return [
      {
        partition,
        offset: String(record.offset),
        timestamp: new Date(record.timestampMs).toISOString(),
        ...contentOf(event),
        bytes: record.value?.length ?? 0,
        ledger: standingOf(event, reading, record.offset),
        passed: (stored.get(partition)?.nextOffset ?? 0n) > record.offset,
      },
    ];
  });
}

function standingOf(
  event: SourceEvent,
  { applied, parked }: TopicReading,
  offset: bigint,
): TopicEvent['ledger'] {
  if (parked.has(formatPosition(event.position))) return 'quarantined';
  if (event.kind === 'tombstone') return 'nothing_to_apply';
  if (applied === null || offset > applied.offset) return 'not_applied';
  return offset === applied.offset ? 'newest' : 'before';
}

function contentOf(event: SourceEvent): Pick<TopicEvent, 'op' | 'snapshot' | 'lsn' | 'left_out'> {
  switch (event.kind) {
    case 'image':
      return {
        op: event.op,
        snapshot: event.snapshot,
        lsn: lsnText(event.lsn),
        left_out: leftOutColumns(event.row),
      };
    case 'delete':
      return { op: 'd', snapshot: event.snapshot, lsn: lsnText(event.lsn), left_out: [] };
    case 'tombstone':
      return { op: 'tombstone', snapshot: false, lsn: null, left_out: [] };
    case 'truncate':
    case 'unusable':
      return { op: 'unreadable', snapshot: false, lsn: null, left_out: [] };
  }
}

/** An LSN as Postgres writes it. */
function lsnText(lsn: bigint | null): string | null {
  if (lsn === null) return null;
  const hex = (half: bigint) => half.toString(16).toUpperCase();
  return `${hex(lsn >> 32n)}/${hex(lsn & 0xffffffffn)}`;
}

function byPosition(a: TopicEvent, b: TopicEvent): number {
  return a.partition - b.partition || (BigInt(a.offset) < BigInt(b.offset) ? -1 : 1);
}
