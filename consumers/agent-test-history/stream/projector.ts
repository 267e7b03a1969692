import { hostname } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import type { Watermarks } from '../../../lib/kafka-cluster.ts';
import type { FetchedRecords, TopicConsumer } from '../../../lib/kafka-consumer.ts';
import { inTransaction } from '../../../lib/postgres.ts';
import { untilEnvironmentAllows } from '../../../lib/retry.ts';
import { settledWithin } from '../../../lib/settled-within.ts';
import { GroupCommit } from './group-commit.ts';
import { assertCurrentTopic, registerTopic, type TopicInUse } from '../batch/current-topic.ts';
import { LogCheck } from './log-check.ts';
import { Fenced, storedOffsetsInTime, type StoredOffset } from '../batch/offsets.ts';
import { beginPartition } from './begin-partition.ts';
import { Commit } from './commit.ts';
import { PartitionSession } from './partition-session.ts';
import type { ProjectorOptions } from './projector-options.ts';
import { Turns } from './turns.ts';
import { assertNothingUndone } from '../batch/undo-fence.ts';
import { assertInRange, fencedForGood, topicCut, topicMissing } from './topic-faults.ts';

/** How long a partition that another projector took may stay ours by the group's word: a rebalance is over by then. */
const FENCED_GRACE_MS = 60_000;
/** How long a full queue is waited for before the group gets a heartbeat. */
const HEARTBEAT_PAUSE_MS = 1_000;
/** How long records may gather at the broker behind a transaction. */
const GATHER_MS = 100;
const CAUGHT_UP_POLL_MS = 100;
/** How long the end may wait for the transactions in hand (one may wait for a lock), and then for a broker that is away. */
const FINISH_WITHIN_MS = 3_000;
const LEAVE_WITHIN_MS = 2_000;

/** A partition that the group has given us. */
interface Held {
  readonly session: PartitionSession;
  readonly log: LogCheck;
}

/**
 * A projector: the partitions that the group gives it, each with a session. Correctness does not lean on the group:
 * two projectors of one partition are told apart by the epoch in Postgres.
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
  /** Fires when the group has assigned anew since the last assignment that we know of. */
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
    // A caller that races against `failed` hears of the failure. Without one, the process must not crash for it.
    this.failed.catch(() => undefined);
  }

  /**
   * Checks the topic against the ledger, then begins to join the group. Joining takes as long as the group waits for a dead member,
   * so `stop` does not wait for it.
   */
  static async start(options: ProjectorOptions): Promise<Projector> {
    const { cluster, topic, context, acceptNewTopic } = options;
    const identity = await cluster.describeTopic(topic);
    if (identity === undefined) throw topicMissing(topic);
    const inUse = { ...identity, name: topic };
    if (options.commits)
      await inTransaction(context.canonical, (client) => registerTopic(client, inUse, acceptNewTopic));
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

  /** Resolves when every record that is in the topic now has been projected, by this projector or by another. */
  async caughtUp(): Promise<void> {
    // Only an assignment holds the stored offsets against the topic.
    await this.#assignedOnce;
    const targets = await this.#options.cluster.watermarks(this.#options.topic);
    while (!this.#stop.signal.aborted && !(await this.#hasReached(targets)))
      await setTimeout(CAUGHT_UP_POLL_MS);
  }

  /** Finishes the transactions in hand, tells the group how far we are, and leaves it: within 5 s, whatever is away. */
  async stop(): Promise<void> {
    this.#stop.abort();
    for (const { session } of this.#held.values()) session.close();
    const { logger } = this.#options;
    const ended = Promise.allSettled(this.#running).then(() => undefined);
    const finished = await settledWithin(FINISH_WITHIN_MS, ended);
    if (!finished) logger.warn('a transaction did not end in time, so it is rolled back; nothing is lost');
    const left = this.#groupCommit.last().then(() => this.#consumer?.stop());
    if (!(await settledWithin(LEAVE_WITHIN_MS, left)))
      logger.warn('Kafka is away, so the group was not told that we leave; nothing is lost');
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
   * Opens a session for each partition; those of an earlier assignment can no longer commit. Once the group assigns
   * anew, this assignment takes over nothing more: the partition may be somebody else's, who would be fenced for it.
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
    // At the end of the topic, what comes meanwhile is fetched at once.
    if (session.nextToRead >= fetched.highWatermark) await session.idle(GATHER_MS);
    while (!session.hasRoom) {
      await session.room(HEARTBEAT_PAUSE_MS);
      await fetched.heartbeat();
    }
  }

  /**
   * True where the fetch goes on from what was read. kafkajs goes elsewhere by itself where an offset is out of range.
   * Never skip: go back, or stop if there is no back.
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

  /** Gives the first offset that the partition holds. */
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
   * What a fence means. If another topic was accepted, or `undo` took rows back, this process ends. If another projector took
   * the partition over, the group takes the partition from us in a moment, provided that the other one is in our group.
   * Otherwise Postgres has lost commits (a failover to a replica that lagged): what it lost is still in the topic, and is read
   * again from the offset that Postgres has.
   */
  async #yieldOrGoBack(session: PartitionSession, error: Fenced): Promise<void> {
    const { partition } = session;
    const { logger, cluster, topic } = this.#options;
    const { canonical, undoGeneration } = this.#options.context;
    await assertCurrentTopic(canonical, this.#inUse);
    await assertNothingUndone(canonical, undoGeneration);
    const stored = (await this.#storedOffsets()).get(partition);
    if (stored !== undefined && stored.epoch > session.epoch) {
      logger.warn({ partition }, 'another projector took the partition over');
      await setTimeout(FENCED_GRACE_MS, undefined, { ref: false });
      if (this.#holds(session)) this.#fail(fencedForGood(partition, error));
      return;
    }
    logger.warn({ partition }, 'Postgres has lost commits; they are projected again');
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
