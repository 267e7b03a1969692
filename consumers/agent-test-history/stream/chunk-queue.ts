import { EventEmitter, once } from 'node:events';
import type { BatchMark } from '../../../lib/kafka-batch.ts';
import type { SourceEvent } from '../record/event.ts';

export interface QueuedEvent {
  /** Undefined where the offsets hold no record: markers of transactions, or what compaction has left. */
  readonly event: SourceEvent | undefined;
  /** Bytes of the record's key and value. */
  readonly bytes: number;
  /** The offset behind it, and behind all that holds no record after it. */
  readonly to: bigint;
  /** The batch that the offset before `to` lies in; null where it is not known. */
  readonly batch: BatchMark | null;
}

export interface ChunkBounds {
  readonly rows: number;
  readonly bytes: number;
}

/**
 * Decoded events of one partition that wait for their transaction. Bounded: the reader waits for room while as much
 * is queued as one transaction may hold, so memory does not grow with the table, or with the time that Postgres is
 * away.
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
    // Not push(...events): a large fetch of small records has more of them than a call may have arguments.
    for (const event of events) this.#queued.push(event);
    this.#bytes += events.reduce((sum, { bytes }) => sum + bytes, 0);
    this.#emitter.emit('changed');
  }

  /** Events that are queued. */
  get length(): number {
    return this.#queued.length;
  }

  /** Resolves when there is something to take (true), or when the queue is closed (false). */
  async filled(): Promise<boolean> {
    while (this.#queued.length === 0 && !this.#closed) await once(this.#emitter, 'changed');
    return !this.#closed;
  }

  /**
   * The next chunk within the bounds, one event at least; none where nothing is queued. An event that ends the flow (a
   * truncate) comes alone, so that what stands before it is committed first.
   */
  take(): QueuedEvent[] {
    const size = this.#chunkSize();
    const chunk = this.#queued.splice(0, size);
    this.#bytes -= chunk.reduce((sum, { bytes }) => sum + bytes, 0);
    this.#emitter.emit('room');
    return chunk;
  }

  /** Resolves when there may be room, or after `timeoutMs`. */
  async room(timeoutMs: number): Promise<void> {
    if (this.hasRoom) return;
    await once(this.#emitter, 'room', { signal: AbortSignal.timeout(timeoutMs) }).catch(() => undefined);
  }

  /** Forgets what is queued: it is still in the topic. */
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
