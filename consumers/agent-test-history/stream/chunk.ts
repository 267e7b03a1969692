import assert from 'node:assert/strict';
import type { BatchMark } from '../../../lib/kafka-batch.ts';
import type { FetchedRecords, TopicRecord } from '../../../lib/kafka-consumer.ts';
import type { QueuedEvent } from './chunk-queue.ts';
import type { SourceEvent } from '../record/event.ts';

/**
 * Events of one partition in order, the offset after them, and the batch before that offset. A chunk may have no event,
 * because offsets of transaction markers must be passed too. Otherwise the end of the topic would never be reached.
 */
export interface Chunk {
  readonly events: readonly SourceEvent[];
  /** The next offset to apply before it is committed. */
  readonly from: bigint;
  /** The next offset to apply afterwards. */
  readonly to: bigint;
  /** Null if it is not known. */
  readonly batch: BatchMark | null;
}

/** The result of a fetch. */
export type Fetched = Pick<FetchedRecords, 'records' | 'batches' | 'nextOffset'>;

/**
 * The records of a fetch as queued events. The last one takes all offsets after it that hold no record. If there is no
 * record, those offsets become an entry without an event.
 */
export function queuedEvents(
  { records, batches, nextOffset }: Fetched,
  events: readonly SourceEvent[],
): QueuedEvent[] {
  const ofLast = batches.at(-1) ?? null;
  if (events.length === 0) return [{ event: undefined, bytes: 0, to: nextOffset, batch: ofLast }];
  let at = 0;
  return events.map((event, index) => {
    const bytes = recordBytes(records[index]);
    if (index === events.length - 1) return { event, bytes, to: nextOffset, batch: ofLast };
    const { offset } = event.position;
    while ((batches[at]?.last ?? offset) < offset) at++;
    return { event, bytes, to: offset + 1n, batch: batches[at] ?? null };
  });
}

function recordBytes(record: TopicRecord | undefined): number {
  return (record?.key?.length ?? 0) + (record?.value?.length ?? 0);
}

/** The chunk of queued events, which start at the offset `from`; undefined if there are none. */
export function chunkOf(queued: readonly QueuedEvent[], from: bigint): Chunk | undefined {
  const last = queued.at(-1);
  if (last === undefined) return undefined;
  return { events: queued.flatMap(({ event }) => event ?? []), from, to: last.to, batch: last.batch };
}

/** Splits a chunk: its first `rows` events, and a second chunk with the others if there are any. */
export function cut(chunk: Chunk, rows: number): [Chunk, Chunk?] {
  if (chunk.events.length <= rows) return [chunk];
  const events = chunk.events.slice(0, rows);
  const last = events.at(-1);
  assert(last !== undefined, 'a part of a chunk has no events');
  const middle = last.position.offset + 1n;
  return [
    { events, from: chunk.from, to: middle, batch: null },
    { ...chunk, events: chunk.events.slice(rows), from: middle },
  ];
}
