import { EventEmitter } from 'node:events';
import { chunkOf, queuedEvents, type Fetched } from './chunk.ts';
import { ChunkQueue, type ChunkBounds } from './chunk-queue.ts';
import type { Holder, Part, SessionMode } from './commit.ts';
import type { Decoder } from '../record/decode.ts';
import type { SourceEvent } from '../record/event.ts';
import { RowsAtOnce } from './rows-at-once.ts';
import type { Turns } from './turns.ts';

export interface SessionOptions {
  readonly decode: Decoder;
  readonly bounds: ChunkBounds;
  readonly topicId: string;
  readonly partition: number;
  readonly firstOffset: bigint;
  readonly mode: SessionMode;
  /** Decides which session may start a transaction. All sessions of the process share it. */
  readonly turns: Turns;
  /** True if a truncate at this offset was accepted, or was read earlier. */
  readonly isAcceptedTruncate: (partition: number, offset: bigint) => boolean;
}

/**
 * One partition from its assignment to its loss: a queue and a position. The session decodes and queues records while
 * the previous transaction runs, and hands out a chunk when its turn comes. After the loss of the partition it can
 * commit nothing, because its claim is outdated.
 */
export class PartitionSession implements Holder {
  readonly topicId: string;
  readonly partition: number;
  readonly mode: SessionMode;
  readonly pace: RowsAtOnce;
  readonly #options: SessionOptions;
  readonly #queue: ChunkQueue;
  readonly #stop = new AbortController();
  readonly #emitter = new EventEmitter();
  #nextToRead: bigint;
  #nextToApply: bigint;

  constructor(options: SessionOptions) {
    const { topicId, partition, mode, bounds, firstOffset } = options;
    this.topicId = topicId;
    this.partition = partition;
    this.mode = mode;
    this.pace = new RowsAtOnce(bounds.rows);
    this.#options = options;
    this.#queue = new ChunkQueue(bounds);
    this.#nextToRead = firstOffset;
    this.#nextToApply = firstOffset;
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** The offset of the next record to queue. */
  get nextToRead(): bigint {
    return this.#nextToRead;
  }

  /** The offset of the next record to apply. The effects of all earlier records are committed. */
  get nextToApply(): bigint {
    return this.#nextToApply;
  }

  /** The epoch of its claim; 0 without a claim. */
  get epoch(): bigint {
    return this.mode.kind === 'commit' ? this.mode.claim.epoch : 0n;
  }

  get hasRoom(): boolean {
    return this.#queue.hasRoom;
  }

  /** The number of events that wait for their transaction. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Resolves when everything that was queued is committed, or after `timeoutMs` at the latest. */
  async idle(timeoutMs: number): Promise<void> {
    if (this.#isIdle) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#emitter.off('idle', done);
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      this.#emitter.on('idle', done);
    });
  }

  get #isIdle(): boolean {
    return this.#nextToApply >= this.#nextToRead;
  }

  async room(timeoutMs: number): Promise<void> {
    await this.#queue.room(timeoutMs);
  }

  /**
   * Decodes and queues the records of a fetch. Records before `nextToRead` are skipped, because they are queued
   * already.
   */
  async accept({ records, batches, nextOffset }: Fetched): Promise<void> {
    if (nextOffset <= this.#nextToRead) return;
    const { decode } = this.#options;
    const fresh = records.filter(({ offset }) => offset >= this.#nextToRead);
    const events = fresh.length === 0 ? [] : await decode(fresh, this);
    this.#nextToRead = nextOffset;
    this.#queue.push(queuedEvents({ records: fresh, batches, nextOffset }, events));
  }

  /** Commits queued chunks until the session is closed. Throws what a person or another process must resolve. */
  async run(): Promise<void> {
    while (await this.#queue.filled()) {
      await this.#options.turns.next(this);
      if (this.#isIdle) this.#emitter.emit('idle');
    }
  }

  /** Finishes the running transaction, and starts no other. */
  close(): void {
    this.#queue.close();
    this.#stop.abort();
  }

  /** The chunk for the next transaction; undefined if nothing is queued any more. */
  take(): Part | undefined {
    const chunk = chunkOf(this.#queue.take(), this.#nextToApply);
    if (chunk === undefined) return undefined;
    const events = chunk.events.map((event) => this.#accepted(event));
    return { holder: this, chunk: { ...chunk, events }, tried: false };
  }

  applied(nextOffset: bigint): void {
    this.#nextToApply = nextOffset;
  }

  #accepted(event: SourceEvent): SourceEvent {
    if (event.kind !== 'truncate') return event;
    const accepted = this.#options.isAcceptedTruncate(this.partition, event.position.offset);
    return accepted ? { ...event, accepted } : event;
  }
}
