import { EventEmitter, once } from 'node:events';
import type { BatchMark } from '../../../lib/kafka-batch.ts';
import type { SourceEvent } from '../record/event.ts';

export interface QueuedEvent {
  /** Undefined if the offsets hold no record, but a transaction marker or a gap that compaction left. */
  readonly event: SourceEvent | undefined;
  /** The size of the record's key and value, in bytes. */
  readonly bytes: number;
  /** The offset after it, and after all offsets without a record that follow it. */
  readonly to: bigint;
  /** The batch with the last offset before `to`; null if it is not known. */
  readonly batch: BatchMark | null;
}

export interface ChunkBounds {
  readonly rows: number;
  readonly bytes: number;
}

/**
 * Decoded events of one partition that wait for their transaction. The queue is bounded: when it holds as much as one
 * transaction may hold, the reader waits. So memory does not grow with the table, or while Postgres is away.
 */
export class ChunkQueue {
  readonly #bounds: ChunkBounds;
  readonly #emitter = new EventEmitter();
  #queued: QueuedEvent[] = [];
  #bytes = 0;
  #closed = false;

  constructor(bounds: ChunkBounds) {
    this.#bounds = bounds;
  }

  get hasRoom(): boolean {
    return this.#closed || (this.#queued.length < this.#bounds.rows && this.#bytes < this.#bounds.bytes);
  }

  push(events: readonly QueuedEvent[]): void {
    if (this.#closed) return;
    // Not push(...events), because a large fetch may have more records than a call may have arguments.
    for (const event of events) this.#queued.push(event);
    this.#bytes += events.reduce((sum, { bytes }) => sum + bytes, 0);
    this.#emitter.emit('changed');
  }

  /** The number of queued events. */
  get length(): number {
    return this.#queued.length;
  }

  /** Resolves to true when events are queued, or to false when the queue is closed. */
  async filled(): Promise<boolean> {
    while (this.#queued.length === 0 && !this.#closed) await once(this.#emitter, 'changed');
    return !this.#closed;
  }

  /**
   * Takes the next chunk within the bounds, at least one event; undefined if nothing is queued. A truncate, which stops
   * the projector, comes in a chunk of its own, so that the events before it are committed first.
   */
  take(): QueuedEvent[] {
    const size = this.#chunkSize();
    const chunk = this.#queued.splice(0, size);
    this.#bytes -= chunk.reduce((sum, { bytes }) => sum + bytes, 0);
    this.#emitter.emit('room');
    return chunk;
  }

  /** Resolves when there may be room, or after `timeoutMs` at the latest. */
  async room(timeoutMs: number): Promise<void> {
    if (this.hasRoom) return;
    await once(this.#emitter, 'room', { signal: AbortSignal.timeout(timeoutMs) }).catch(() => undefined);
  }

  /** Empties the queue. The records are still in the topic. */
  close(): void {
    this.#closed = true;
    this.#queued = [];
    this.#emitter.emit('changed');
    this.#emitter.emit('room');
  }

  #chunkSize(): number {
    const { rows, bytes } = this.#bounds;
    let size = 0;
    let sum = 0;
    for (const queued of this.#queued) {
      sum += queued.bytes;
      if (size > 0 && (size >= rows || sum > bytes || queued.event?.kind === 'truncate')) break;
      size++;
      if (queued.event?.kind === 'truncate') break;
    }
    return size;
  }
}
