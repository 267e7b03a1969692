import { EventEmitter } from 'node:events';
import { blameOf, isEnvironmentError } from '../../../lib/postgres-errors.ts';
import { untilEnvironmentAllows } from '../../../lib/retry.ts';
import { ChunkQueue, type ChunkBounds } from './chunk-queue.ts';
import type { Decoder } from '../record/decode.ts';
import { withoutRefused, type SourceEvent } from '../record/event.ts';
import { storedOffsets, type Claim, type Step } from '../batch/offsets.ts';
import { offsetBehind, queuedEvents, type Chunk, type Fetched } from './queued-events.ts';
import { projectBatch, type Batch, type PipelineContext } from '../pipeline.ts';
import type { QuarantineBreaker } from '../batch/quarantine-breaker.ts';
import type { BatchResult } from '../batch/result.ts';
import { RowsAtOnce } from './rows-at-once.ts';
import type { Turns } from './turns.ts';

/** How a session commits: under its claim, or without moving any offset. */
export type SessionMode =
  { readonly kind: 'commit'; readonly claim: Claim } | { readonly kind: 'replay' | 'dry_run' };

export interface SessionOptions {
  readonly context: PipelineContext;
  readonly decode: Decoder;
  readonly bounds: ChunkBounds;
  readonly topicId: string;
  readonly partition: number;
  readonly firstOffset: bigint;
  readonly mode: SessionMode;
  /** Of the process: all sessions share it. */
  readonly turns: Turns;
  /** Of the process: all sessions share it. */
  readonly breaker: QuarantineBreaker;
  /** A truncate at this offset is known and accepted. */
  readonly isAcceptedTruncate: (partition: number, offset: bigint) => boolean;
  /** Chunks of these sessions are committed; `seconds` is their time in Postgres, retries included. */
  committed(sessions: readonly PartitionSession[], result: BatchResult, seconds: number): void;
  /** A transaction failed for the environment's sake and is tried again. */
  retrying(session: PartitionSession, error: Error): void;
}

interface SessionChunk {
  readonly session: PartitionSession;
  readonly chunk: Chunk;
}

/**
 * One partition from its assignment to its loss: takes records in, decodes them while the last transaction runs, and
 * commits chunk after chunk. After the loss of the partition nothing of it can commit: its claim is outdated.
 */
export class PartitionSession {
  readonly partition: number;
  readonly #options: SessionOptions;
  readonly #queue: ChunkQueue;
  readonly #stop = new AbortController();
  readonly #emitter = new EventEmitter();
  /** The offset of the next record to take in. */
  #nextToRead: bigint;
  /** The offset up to which effects are committed: the next record to apply. */
  #nextToApply: bigint;
  readonly #rowsAtOnce: RowsAtOnce;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.partition = options.partition;
    this.#queue = new ChunkQueue(options.bounds);
    this.#rowsAtOnce = new RowsAtOnce(options.bounds.rows);
    this.#nextToRead = options.firstOffset;
    this.#nextToApply = options.firstOffset;
  }

  get nextToRead(): bigint {
    return this.#nextToRead;
  }

  get nextToApply(): bigint {
    return this.#nextToApply;
  }

  /** The epoch of its claim; 0 where it commits under none. */
  get epoch(): bigint {
    const { mode } = this.#options;
    return mode.kind === 'commit' ? mode.claim.epoch : 0n;
  }

  get hasRoom(): boolean {
    return this.#queue.hasRoom;
  }

  /** Resolves when all that was taken in is committed, or after `timeoutMs`. */
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

  /** Decodes and queues what a fetch has read; what lies before `nextToRead` has been taken in already. */
  async accept({ records, batches, nextOffset }: Fetched): Promise<void> {
    if (nextOffset <= this.#nextToRead) return;
    const { decode, topicId } = this.#options;
    const fresh = records.filter(({ offset }) => offset >= this.#nextToRead);
    const events = fresh.length === 0 ? [] : await decode(fresh, { topicId, partition: this.partition });
    this.#nextToRead = nextOffset;
    this.#queue.push(queuedEvents({ records: fresh, batches, nextOffset }, events));
  }

  /** Commits what is queued until the session is closed; throws what a person or another process must resolve. */
  async run(): Promise<void> {
    while (await this.#queue.filled()) {
      await this.#options.turns.next(this);
      if (this.#isIdle) this.#emitter.emit('idle');
    }
  }

  /** Finishes the transaction in hand and takes no other. */
  close(): void {
    this.#queue.close();
    this.#stop.abort();
  }

  /** Events that wait for their transaction. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** What the next transaction shall commit; undefined where nothing is queued any more. */
  take(): Chunk | undefined {
    const queued = this.#queue.take();
    const last = queued.at(-1);
    if (last === undefined) return undefined;
    return {
      ...last,
      events: queued.flatMap(({ event }) => (event === undefined ? [] : this.#accepted(event))),
    };
  }

  #accepted(event: SourceEvent): SourceEvent {
    if (event.kind !== 'truncate') return event;
    const accepted = this.#options.isAcceptedTruncate(this.partition, event.position.offset);
    return accepted ? { ...event, accepted } : event;
  }

  /** True where a transaction ran out of time, and its size is still growing back. */
  get isSlowed(): boolean {
    return this.#rowsAtOnce.isReduced;
  }

  /** True where it moves the stored offset of its partition. */
  get commits(): boolean {
    return this.#options.mode.kind === 'commit';
  }

  /**
   * Projects chunks of several sessions in one transaction, tried once. False where it failed, for whatever reason: each
   * goes on alone then, as one that may be committed, for the answer to the COMMIT may have been lost.
   */
  static async projectTogether(parts: readonly SessionChunk[]): Promise<boolean> {
    const [first] = parts;
    if (first === undefined) return true;
    const options = first.session.#options;
    const sessions = parts.map(({ session }) => session);
    const transaction = Symbol('transaction');
    const start = performance.now();
    try {
      const result = await projectBatch(options.context, {
        events: parts.flatMap(({ chunk }) => chunk.events),
        mode: { kind: 'commit', steps: parts.flatMap(({ session, chunk }) => session.#stepOf(chunk)) },
        admit: (fates) => options.breaker.admit(transaction, fates),
      });
      for (const { session, chunk } of parts) session.#nextToApply = chunk.to;
      options.committed(sessions, result, (performance.now() - start) / 1000);
      return true;
    } catch (error) {
      options.breaker.withdraw(transaction);
      if (error instanceof Error && isEnvironmentError(error))
        for (const session of sessions) options.retrying(session, error);
      return false;
    }
  }

  /**
   * Projects a chunk; `tried`: it may be committed already. It takes one transaction, and several smaller ones where the
   * last ran out of time. Where Postgres refuses a row, the halves are projected one after the other until the row is
   * alone: that one is quarantined, and all others flow.
   */
  async project({ events, ...end }: Chunk, { tried }: { readonly tried: boolean }): Promise<void> {
    let at = 0;
    do {
      const part = events.slice(at, at + this.#rowsAtOnce.rows);
      at += part.length;
      const partEnd = at < events.length ? { to: offsetBehind(part), batch: null } : end;
      await this.#projectPart({ events: part, ...partEnd }, tried);
    } while (at < events.length);
  }

  async #projectPart(chunk: Chunk, tried: boolean): Promise<void> {
    try {
      const { result, seconds } = await this.#timed(chunk, tried);
      this.#nextToApply = chunk.to;
      this.#rowsAtOnce.passed();
      this.#options.committed([this], result, seconds);
    } catch (error) {
      switch (blameOf(error)) {
        case 'row':
        case 'race':
          await this.#isolate(chunk, error);
          break;
        case 'slow':
          this.#rowsAtOnce.ranOutOfTime(chunk.events.length);
          await this.project(chunk, { tried: false });
          break;
        default:
          throw error;
      }
    }
  }

  async #isolate({ events, ...end }: Chunk, error: unknown): Promise<void> {
    const [only, ...others] = events;
    if (only === undefined) throw error;
    if (others.length === 0) {
      await this.project({ events: [withoutRefused(only, error)], ...end }, { tried: false });
      return;
    }
    const middle = Math.ceil(events.length / 2);
    const first = events.slice(0, middle);
    await this.project({ events: first, to: offsetBehind(first), batch: null }, { tried: false });
    await this.project({ events: events.slice(middle), ...end }, { tried: false });
  }

  async #timed(chunk: Chunk, tried: boolean): Promise<{ result: BatchResult; seconds: number }> {
    const start = performance.now();
    const result = await this.#attempt(chunk, tried);
    return { result, seconds: (performance.now() - start) / 1000 };
  }

  async #attempt(chunk: Chunk, tried: boolean): Promise<BatchResult> {
    const { breaker } = this.#options;
    const transaction = Symbol('transaction');
    try {
      return await untilEnvironmentAllows(
        (attempt) => this.#transact(chunk, { transaction, tried: tried || attempt > 1 }),
        {
          signal: this.#stop.signal,
          // Of a row that is alone, nothing smaller can be tried: it waits, and the partition says so.
          givesUp: (error) => chunk.events.length > 1 && blameOf(error) === 'slow',
          retrying: (error) => {
            this.#options.retrying(this, error);
          },
        },
      );
    } catch (error) {
      breaker.withdraw(transaction);
      throw error;
    }
  }

  async #transact(
    chunk: Chunk,
    { transaction, tried }: { transaction: symbol; tried: boolean },
  ): Promise<BatchResult> {
    const { context, mode, topicId, breaker } = this.#options;
    const { events } = chunk;
    const where = { topicId, partition: this.partition };
    const admit: Batch['admit'] = (fates) => breaker.admit(transaction, fates);
    if (mode.kind !== 'commit')
      return await projectBatch(context, { events, mode: { ...mode, ...where }, admit });
    const committed = tried && (await this.#isCommitted(mode.claim, chunk.to));
    if (!committed)
      return await projectBatch(context, {
        events,
        mode: { kind: 'commit', steps: this.#stepOf(chunk) },
        admit,
      });
    // The answer to the last COMMIT was lost. What is committed is counted again, as duplicates, and has its place in
    // the breaker's window.
    return await projectBatch(context, {
      events,
      mode: { kind: 'replay', ...where },
      admit: () => undefined,
    });
  }

  /** How far its claim moves the stored offset; nowhere where it has none. */
  #stepOf({ to, batch }: Chunk): Step[] {
    const { mode } = this.#options;
    return mode.kind === 'commit' ? [{ claim: mode.claim, from: this.#nextToApply, to, batch }] : [];
  }

  async #isCommitted(claim: Claim, to: bigint): Promise<boolean> {
    const stored = (await storedOffsets(this.#options.context.canonical, claim.topicId)).get(this.partition);
    return stored?.epoch === claim.epoch && stored.nextOffset === to;
  }
}
