import { EventEmitter } from 'node:events';
import { blameOf, isEnvironmentError } from '../lib/postgres-errors.ts';
import { untilEnvironmentAllows } from '../lib/retry.ts';
import type { TopicRecord } from '../lib/kafka-consumer.ts';
import { ChunkQueue, offsetBehind, type ChunkBounds } from './chunk-queue.ts';
import type { Decoder } from './decode.ts';
import { withoutRefused, type SourceEvent } from './event.ts';
import { storedOffsets, type Claim, type Step } from './offsets.ts';
import { projectBatch, type Batch, type PipelineContext } from './pipeline.ts';
import type { QuarantineBreaker } from './quarantine-breaker.ts';
import type { BatchResult } from './result.ts';
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

/** Events of one partition in order, and the offset behind them. */
export interface Chunk {
  readonly events: readonly SourceEvent[];
  readonly to: bigint;
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

  /** Decodes and queues records; those before `nextToRead` have been taken in already. */
  async accept(records: readonly TopicRecord[]): Promise<void> {
    const { decode, topicId } = this.#options;
    const fresh = records.filter(({ offset }) => offset >= this.#nextToRead);
    const last = fresh.at(-1);
    if (last === undefined) return;
    const events = await decode(fresh, { topicId, partition: this.partition });
    this.#nextToRead = last.offset + 1n;
    this.#queue.push(events.map((event, index) => ({ event, bytes: recordBytes(fresh[index]) })));
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
    const events = this.#queue.take();
    const last = events.at(-1);
    if (last === undefined) return undefined;
    return { events: events.map((event) => this.#accepted(event)), to: last.position.offset + 1n };
  }

  #accepted(event: SourceEvent): SourceEvent {
    const isAccepted =
      event.kind === 'truncate' && this.#options.isAcceptedTruncate(this.partition, event.position.offset);
    return isAccepted ? { ...event, accepted: true } : event;
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
        mode: { kind: 'commit', steps: parts.flatMap(({ session, chunk }) => session.#stepTo(chunk.to)) },
        admit: (fates) => {
          options.breaker.admit(transaction, fates);
        },
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
  async project({ events, to }: Chunk, { tried }: { readonly tried: boolean }): Promise<void> {
    let at = 0;
    do {
      const part = events.slice(at, at + this.#rowsAtOnce.rows);
      at += part.length;
      await this.#projectPart({ events: part, to: at < events.length ? offsetBehind(part) : to }, tried);
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

  async #isolate({ events, to }: Chunk, error: unknown): Promise<void> {
    const [only, ...others] = events;
    if (only === undefined) throw error;
    if (others.length === 0) {
      await this.project({ events: [withoutRefused(only, error)], to }, { tried: false });
      return;
    }
    const middle = Math.ceil(events.length / 2);
    const first = events.slice(0, middle);
    await this.project({ events: first, to: offsetBehind(first) }, { tried: false });
    await this.project({ events: events.slice(middle), to }, { tried: false });
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
    { events, to }: Chunk,
    { transaction, tried }: { transaction: symbol; tried: boolean },
  ): Promise<BatchResult> {
    const { context, mode, topicId, breaker } = this.#options;
    const where = { topicId, partition: this.partition };
    const admit: Batch['admit'] = (fates) => {
      breaker.admit(transaction, fates);
    };
    if (mode.kind !== 'commit')
      return await projectBatch(context, { events, mode: { ...mode, ...where }, admit });
    const committed = tried && (await this.#isCommitted(mode.claim, to));
    if (!committed)
      return await projectBatch(context, {
        events,
        mode: { kind: 'commit', steps: this.#stepTo(to) },
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
  #stepTo(to: bigint): Step[] {
    const { mode } = this.#options;
    return mode.kind === 'commit' ? [{ claim: mode.claim, from: this.#nextToApply, to }] : [];
  }

  async #isCommitted(claim: Claim, to: bigint): Promise<boolean> {
    const stored = (await storedOffsets(this.#options.context.canonical, claim.topicId)).get(this.partition);
    return stored?.epoch === claim.epoch && stored.nextOffset === to;
  }
}

function recordBytes(record: TopicRecord | undefined): number {
  return (record?.key?.length ?? 0) + (record?.value?.length ?? 0);
}
