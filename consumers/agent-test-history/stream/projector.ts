import { hostname } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import type { Watermarks } from '../../../lib/kafka-cluster.ts';
import type { FetchedRecords, TopicConsumer } from '../../../lib/kafka-consumer.ts';
import { untilEnvironmentAllows } from '../../../lib/retry.ts';
import { settledWithin } from '../../../lib/settled-within.ts';
import { GroupCommit } from './group-commit.ts';
import type { TopicInUse } from '../batch/current-topic.ts';
import { LogCheck } from './log-check.ts';
import { Fenced, storedOffsetsInTime, type StoredOffset } from '../batch/offsets.ts';
import { assertNotOutdated, beginPartition, beginTopic } from './begin-partition.ts';
import { Commit } from './commit.ts';
import { PartitionSession } from './partition-session.ts';
import type { ProjectorOptions } from './projector-options.ts';
import { Turns } from './turns.ts';
import { assertInRange, fencedForGood, topicCut, topicMissing } from './topic-faults.ts';

/** If another projector has claimed a partition and the group still assigns it to us after this time, we stop. */
const FENCED_GRACE_MS = 60_000;
/** The longest wait for a full queue before we send the group a heartbeat. */
const HEARTBEAT_PAUSE_MS = 1_000;
/** The longest time for which records gather at the broker while a transaction runs. */
const GATHER_MS = 100;
const CAUGHT_UP_POLL_MS = 100;
/** When stopping, the longest wait for running transactions (one may wait for a lock), and then for the broker. */
const FINISH_WITHIN_MS = 3_000;
const LEAVE_WITHIN_MS = 2_000;

/** A partition that the group has assigned to us. */
interface Held {
  readonly session: PartitionSession;
  readonly log: LogCheck;
}

/**
 * A projector: the partitions that the group assigns to it, each with a session. Correctness does not depend on the
 * group: if two projectors have the same partition, the epoch in Postgres decides which of them can commit.
 */
export class Projector {
  /** Rejects when the projector cannot go on. */
  readonly failed: Promise<never>;
  readonly #options: ProjectorOptions;
  readonly #inUse: TopicInUse;
  readonly #name = `${hostname()}:${String(process.pid)}`;
  readonly #turns: Turns;
  readonly #held = new Map<number, Held>();
  readonly #running = new Set<Promise<void>>();
  #fail: (error: unknown) => void = () => undefined;
  #assignedFirst: () => void = () => undefined;
  readonly #assignedOnce = new Promise<void>((resolve) => (this.#assignedFirst = resolve));
  #consumer: TopicConsumer | undefined;
  /** Fires when the group has begun another assignment. */
  #outdated = new AbortController().signal;
  readonly #stop = new AbortController();
  readonly #groupCommit: GroupCommit;

  private constructor(options: ProjectorOptions, inUse: TopicInUse) {
    this.#options = options;
    this.#inUse = inUse;
    const { context, breaker, observer, logger } = options;
    this.#groupCommit = new GroupCommit(() => this.#commitToGroup(), logger);
    const commit = new Commit({
      context,
      breaker,
      committed: (done) => {
        observer.committed(done);
        this.#groupCommit.schedule();
      },
      retrying: observer.retrying.bind(observer),
    });
    this.#turns = new Turns(options.partitionsAtOnce, commit);
    this.failed = new Promise((_, reject) => (this.#fail = reject));
    // If nobody awaits `failed`, the rejection must not end the process.
    this.failed.catch(() => undefined);
  }

  /**
   * Checks the topic against the ledger, then begins to join the group. `stop` does not wait for the join, because it
   * can take as long as the group waits for a dead member.
   */
  static async start(options: ProjectorOptions): Promise<Projector> {
    const { cluster, topic } = options;
    const identity = await cluster.describeTopic(topic);
    if (identity === undefined) throw topicMissing(topic);
    const inUse = { ...identity, name: topic };
    await beginTopic(options, inUse);
    const projector = new Projector(options, inUse);
    projector.#join().catch((error: unknown) => {
      projector.#fail(error);
    });
    return projector;
  }

  /** The partitions held now. */
  get assigned(): readonly number[] {
    return [...this.#held.keys()].sort((a, b) => a - b);
  }

  /** Resolves when every record that is in the topic now has been projected, by this projector or another one. */
  async caughtUp(): Promise<void> {
    // Before the first assignment, the stored offsets have not been checked against the topic.
    await this.#assignedOnce;
    const targets = await this.#options.cluster.watermarks(this.#options.topic);
    while (!this.#stop.signal.aborted && !(await this.#hasReached(targets)))
      await setTimeout(CAUGHT_UP_POLL_MS);
  }

  /** Finishes the running transactions and leaves the group: within 5 s, even if Postgres or Kafka does not answer. */
  async stop(): Promise<void> {
    this.#stop.abort();
    for (const { session } of this.#held.values()) session.close();
    const { logger } = this.#options;
    const ended = Promise.allSettled(this.#running).then(() => undefined);
    const finished = await settledWithin(FINISH_WITHIN_MS, ended);
    if (!finished) logger.warn('a transaction did not end in time and is rolled back; nothing is lost');
    const left = this.#groupCommit.last().then(() => this.#consumer?.stop());
    if (!(await settledWithin(LEAVE_WITHIN_MS, left)))
      logger.warn('Kafka does not answer, so this process could not leave the group; nothing is lost');
  }

  async #join(): Promise<void> {
    const { cluster, topic, group, groups, bounds, observer } = this.#options;
    this.#consumer = await cluster.consume({
      group,
      groups,
      topic,
      fetchBytes: Math.max(bounds.bytes / 4, 262_144),
      assigned: (partitions, outdated) => this.#assign(partitions, outdated),
      records: (fetched) => this.#take(fetched),
      answered: observer.kafkaAnswered.bind(observer),
      failed: this.#fail,
    });
  }

  /**
   * Opens a session for each partition. Sessions of an earlier assignment can no longer commit. As soon as the group
   * begins another assignment, this one claims no more partitions: a claim would fence the projector that has the
   * partition now.
   */
  async #assign(partitions: readonly number[], outdated: AbortSignal): Promise<ReadonlyMap<number, bigint>> {
    this.#outdated = outdated;
    for (const { session } of this.#held.values()) session.close();
    this.#held.clear();
    const watermarks = await this.#options.cluster.watermarks(this.#options.topic);
    for (const partition of partitions) {
      outdated.throwIfAborted();
      this.#start(await this.#open(partition, watermarks.get(partition), outdated));
    }
    const ends = [...this.#held].map(([partition, { session }]) => ({
      partition,
      nextOffset: session.nextToApply,
      highWatermark: watermarks.get(partition)?.high ?? 0n,
    }));
    this.#options.observer.assigned(ends);
    this.#assignedFirst();
    return new Map([...this.#held].map(([partition, { log }]) => [partition, log.from]));
  }

  #start(held: Held): void {
    const { session } = held;
    this.#held.set(session.partition, held);
    const run = session.run().catch((error: unknown) => {
      this.#sessionFailed(session, error);
    });
    this.#running.add(run);
    void run.finally(() => this.#running.delete(run));
  }

  async #open(partition: number, watermarks: Watermarks | undefined, outdated: AbortSignal): Promise<Held> {
    const { decode, bounds, isAcceptedTruncate } = this.#options;
    if (watermarks === undefined) throw topicMissing(this.#options.topic);
    const signal = AbortSignal.any([this.#stop.signal, outdated]);
    const beginning = { options: this.#options, inUse: this.#inUse, name: this.#name, signal };
    const { firstOffset, lastBatch, sessionMode } = await beginPartition(beginning, partition, watermarks);
    const session = new PartitionSession({
      decode,
      bounds,
      topicId: this.#inUse.topicId,
      partition,
      firstOffset,
      mode: sessionMode,
      turns: this.#turns,
      isAcceptedTruncate,
    });
    return { session, log: new LogCheck(firstOffset, lastBatch, watermarks.low) };
  }

  async #take(fetched: FetchedRecords): Promise<void> {
    const held = this.#held.get(fetched.partition);
    if (held === undefined || this.#stop.signal.aborted || !(await this.#isNext(fetched, held))) return;
    const { session, log } = held;
    await session.accept(fetched);
    log.taken(fetched);
    // At the end of the topic, wait, so that the records that arrive meanwhile are fetched together.
    if (session.nextToRead >= fetched.highWatermark) await session.idle(GATHER_MS);
    while (!session.hasRoom) {
      await session.room(HEARTBEAT_PAUSE_MS);
      await fetched.heartbeat();
    }
  }

  /**
   * True if the fetch continues where the last one ended. If an offset is out of range, kafkajs moves to another offset
   * by itself. Records must never be skipped, so we seek back, or stop if that is not possible.
   */
  async #isNext(fetched: FetchedRecords, { session, log }: Held): Promise<boolean> {
    const { partition, highWatermark } = fetched;
    const { topic, observer } = this.#options;
    observer.fetched(partition, highWatermark);
    const judged = log.judge(fetched);
    if (judged === 'cut') throw topicCut({ topic, partition, nextOffset: session.nextToRead });
    if (judged === 'elsewhere' || highWatermark < session.nextToRead)
      log.beginsAt(await this.#assertStillThere(session));
    if (judged !== 'take') this.#consumer?.seek(partition, log.from);
    return judged === 'take';
  }

  /** Returns the first offset that the partition holds. */
  async #assertStillThere({ partition, nextToRead }: PartitionSession): Promise<bigint> {
    const { cluster, topic } = this.#options;
    const watermarks = (await cluster.watermarks(topic)).get(partition);
    if (watermarks === undefined) throw topicMissing(topic);
    assertInRange({ topic, partition, nextOffset: nextToRead }, watermarks);
    return watermarks.low;
  }

  #sessionFailed(session: PartitionSession, error: unknown): void {
    if (this.#stop.signal.aborted || !this.#holds(session)) return;
    if (!(error instanceof Fenced)) {
      this.#fail(error);
      return;
    }
    const outdated = this.#outdated;
    this.#yieldOrGoBack(session, error).catch((failure: unknown) => {
      // The next assignment of the group begins anew with every partition that it gives us.
      if (!this.#stop.signal.aborted && !outdated.aborted) this.#fail(failure);
    });
  }

  /**
   * Handles a `Fenced` error. If another topic or other settings were accepted, or `undo` took rows back, this process
   * ends. If another projector has claimed the partition, the group soon takes the partition from us, provided that the
   * other projector is in our group. Otherwise Postgres has lost commits (a failover to a replica that lagged). The lost
   * records are still in the topic, and are read again from the offset that Postgres has.
   */
  async #yieldOrGoBack(session: PartitionSession, error: Fenced): Promise<void> {
    const { partition } = session;
    const { logger, cluster, topic } = this.#options;
    await assertNotOutdated(this.#options, this.#inUse);
    const stored = (await this.#storedOffsets()).get(partition);
    if (stored !== undefined && stored.epoch > session.epoch) {
      logger.warn({ partition }, 'another projector has claimed the partition');
      await setTimeout(FENCED_GRACE_MS, undefined, { ref: false });
      if (this.#holds(session)) this.#fail(fencedForGood(partition, error));
      return;
    }
    logger.warn({ partition }, 'Postgres has lost commits; their records are projected again');
    session.close();
    const watermarks = (await cluster.watermarks(topic)).get(partition);
    const again = await this.#open(partition, watermarks, this.#outdated);
    if (!this.#holds(session)) return;
    this.#start(again);
    this.#consumer?.seek(partition, again.log.from);
  }

  #holds(session: PartitionSession): boolean {
    return this.#held.get(session.partition)?.session === session;
  }

  async #hasReached(targets: ReadonlyMap<number, Watermarks>): Promise<boolean> {
    if ([...this.#held.values()].some(({ log }) => !log.isChecked)) return false;
    if (!this.#options.commits) {
      return [...targets].every(([partition, { high }]) => {
        const held = this.#held.get(partition);
        return held !== undefined && held.session.nextToApply >= high;
      });
    }
    const stored = await this.#storedOffsets();
    return [...targets].every(([partition, { high }]) => (stored.get(partition)?.nextOffset ?? -1n) >= high);
  }

  async #storedOffsets(): Promise<ReadonlyMap<number, StoredOffset>> {
    return await untilEnvironmentAllows(
      () => storedOffsetsInTime(this.#options.context.canonical, this.#inUse.topicId),
      { signal: this.#stop.signal, retrying: () => undefined },
    );
  }

  async #commitToGroup(): Promise<void> {
    if (!this.#options.commits || this.#held.size === 0) return;
    await this.#consumer?.commit(
      new Map([...this.#held].map(([partition, { session }]) => [partition, session.nextToApply])),
    );
  }
}
