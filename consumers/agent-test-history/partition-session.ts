import { isDataError, sqlState } from '../lib/postgres.ts';
import { untilEnvironmentAllows } from '../lib/retry.ts';
import type { TopicRecord } from '../lib/kafka-consumer.ts';
import { ChunkQueue, type ChunkBounds } from './chunk-queue.ts';
import type { Decoder } from './decode.ts';
import { unusable, type KeyedEvent, type SourceEvent } from './event.ts';
import { storedOffsets, type Claim } from './offsets.ts';
import { projectBatch, type Batch, type PipelineContext } from './pipeline.ts';
import type { QuarantineBreaker } from './quarantine-breaker.ts';
import type { BatchResult } from './result.ts';

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
  /** Runs transactions so that no more partitions than allowed are in one at a time. */
  limit<T>(work: () => Promise<T>): Promise<T>;
  /** Of the process: all sessions share it. */
  readonly breaker: QuarantineBreaker;
  /** A truncate at this offset is known and accepted. */
  readonly isAcceptedTruncate: (partition: number, offset: bigint) => boolean;
  /** A chunk is committed; `seconds` is its time in Postgres, retries included. */
  committed(session: PartitionSession, result: BatchResult, seconds: number): void;
  /** A transaction failed for the environment's sake and is tried again. */
  retrying(session: PartitionSession, error: Error): void;
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
  /** The offset of the next record to take in. */
  #nextToRead: bigint;
  /** The offset up to which effects are committed: the next record to apply. */
  #nextToApply: bigint;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.partition = options.partition;
    this.#queue = new ChunkQueue(options.bounds);
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
    for (;;) {
      const chunk = await this.#queue.take();
      if (chunk === undefined) return;
      await this.#project(
        chunk.filter((event) => !this.#isAccepted(event)),
        chunk,
      );
    }
  }

  /** Finishes the transaction in hand and takes no other. */
  close(): void {
    this.#queue.close();
    this.#stop.abort();
  }

  #isAccepted(event: SourceEvent): boolean {
    return (
      event.kind === 'truncate' && this.#options.isAcceptedTruncate(this.partition, event.position.offset)
    );
  }

  /**
   * Projects events in one transaction. Where Postgres refuses a value of one of them, the halves are projected one
   * after the other until the one is alone: that one is quarantined, all others flow.
   */
  async #project(events: readonly SourceEvent[], chunk: readonly SourceEvent[]): Promise<void> {
    const last = chunk.at(-1);
    if (last === undefined) return;
    const to = last.position.offset + 1n;
    try {
      const { result, seconds } = await this.#options.limit(() => this.#timed(events, to));
      this.#nextToApply = to;
      this.#options.committed(this, result, seconds);
    } catch (error) {
      if (!isDataError(error)) throw error;
      await this.#isolate(events, error);
    }
  }

  async #isolate(events: readonly SourceEvent[], error: unknown): Promise<void> {
    const [only, ...others] = events;
    if (only === undefined) throw error;
    if (others.length === 0) {
      // It is parked as bytes: what Postgres refuses of it is not in the record.
      if (only.kind === 'unusable') throw error;
      const detail = `Postgres refused the row: SQLSTATE ${sqlState(error) ?? '?'}`;
      const parked = [unusable(only as KeyedEvent, 'rejected_by_postgres', detail)];
      await this.#project(parked, parked);
      return;
    }
    const middle = Math.ceil(events.length / 2);
    for (const half of [events.slice(0, middle), events.slice(middle)]) await this.#project(half, half);
  }

  async #timed(
    events: readonly SourceEvent[],
    to: bigint,
  ): Promise<{ result: BatchResult; seconds: number }> {
    const start = performance.now();
    const result = await this.#attempt(events, to);
    return { result, seconds: (performance.now() - start) / 1000 };
  }

  async #attempt(events: readonly SourceEvent[], to: bigint): Promise<BatchResult> {
    const { breaker } = this.#options;
    const step = { from: this.#nextToApply, to, transaction: Symbol('transaction') };
    try {
      return await untilEnvironmentAllows((attempt) => this.#transact(events, { ...step, attempt }), {
        signal: this.#stop.signal,
        retrying: (error) => {
          this.#options.retrying(this, error);
        },
      });
    } catch (error) {
      breaker.withdraw(step.transaction);
      throw error;
    }
  }

  async #transact(
    events: readonly SourceEvent[],
    { from, to, attempt, transaction }: { from: bigint; to: bigint; attempt: number; transaction: symbol },
  ): Promise<BatchResult> {
    const { context, mode, topicId, breaker } = this.#options;
    const admit: Batch['admit'] = (fates) => {
      breaker.admit(transaction, fates);
    };
    const batch = { topicId, partition: this.partition, events, admit };
    if (mode.kind !== 'commit') return await projectBatch(context, { ...batch, mode });
    const committed = attempt > 1 && (await this.#isCommitted(mode.claim, to));
    if (!committed) return await projectBatch(context, { ...batch, mode: { ...mode, from, to } });
    // The answer to the last COMMIT was lost. What is committed is counted again, as duplicates, and has its place in
    // the breaker's window.
    return await projectBatch(context, { ...batch, mode: { kind: 'replay' }, admit: () => undefined });
  }

  async #isCommitted(claim: Claim, to: bigint): Promise<boolean> {
    const stored = (await storedOffsets(this.#options.context.canonical, claim.topicId)).get(this.partition);
    return stored?.epoch === claim.epoch && stored.nextOffset === to;
  }
}

function recordBytes(record: TopicRecord | undefined): number {
  return (record?.key?.length ?? 0) + (record?.value?.length ?? 0);
}
