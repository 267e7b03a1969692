import { NO_CHANGES } from '../../consumers/agent-test-history/rule/changes.ts';
import type { SourceEvent } from '../../consumers/agent-test-history/record/event.ts';
import {
  Fenced,
  storedOffsets,
  takeOver,
  type Claim,
} from '../../consumers/agent-test-history/batch/offsets.ts';
import {
  projectBatch,
  type Batch,
  type PipelineContext,
} from '../../consumers/agent-test-history/pipeline.ts';
import { RECORD_OUTCOMES, type BatchResult } from '../../consumers/agent-test-history/batch/result.ts';
import { sweep } from '../../consumers/agent-test-history/sweep/sweep.ts';
import type { LiveWindowMeter } from '../../consumers/agent-test-history/twins/live-window.ts';
import { Conflict, isEnvironmentError, sqlState } from '../../lib/postgres-errors.ts';
import { MATCHING, TOPIC_ID } from '../support/run-records.ts';
import type { Application } from './application.ts';
import type { Counts } from './counts.ts';
import type { Engine } from './engine.ts';
import { PARTITIONS } from './names.ts';
import { gated, type Actor, type Moment, type Scheduler } from './scheduler.ts';
import type { Topic } from './topic.ts';

interface Parts {
  readonly engine: Engine;
  readonly topic: Topic;
  readonly scheduler: Scheduler;
  readonly meter: LiveWindowMeter;
  readonly counts: Counts;
  readonly application: Application;
  /** A number from 0 below `below`. */
  readonly pick: (below: number) => number;
}

/** What a session committed in a step. */
export interface Committed {
  readonly partition: number;
  readonly epoch: number;
  /** Live rows that were committed when the batch began: it must have seen them. */
  readonly lives: ReadonlySet<number>;
  /** A key occurs more than once in the batch: what its first event was given, a later one may have let go of. */
  readonly hasRepeats: boolean;
}

/** Projectors, replays and sweeps, all of them the real ones. */
export class Projectors {
  /** Commits that nobody has looked at yet. */
  readonly committed: Committed[] = [];
  readonly #parts: Parts;
  /** By partition, the newest last. */
  readonly #sessions = Array.from({ length: PARTITIONS }, (): Actor[] => []);
  #sweeper: Actor | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Another session for a partition; one that is there already goes on and does not know. */
  takeOver(partition: number): void {
    const earlier = this.#sessions[partition]?.length ?? 0;
    const name = `partition ${String(partition)}${earlier > 0 ? `, session ${String(earlier + 1)}` : ''}`;
    const session = this.#parts.scheduler.begin(name, (actor) => this.#session(actor, partition));
    this.#sessions[partition]?.push(session);
  }

  /** The group gives a partition whose projectors are all gone to another one. */
  assign(): void {
    for (const [partition, sessions] of this.#sessions.entries())
      if (sessions.every(({ ended }) => ended)) this.takeOver(partition);
  }

  crash(partition: number, moment: Moment): void {
    this.#sessions[partition]?.findLast(({ ended }) => !ended)?.crash(moment);
    this.#parts.counts.add('crashes');
  }

  sweep(): void {
    if (this.#sweeper?.ended === false) return;
    this.#sweeper = this.#parts.scheduler.begin('sweep', async (actor) => {
      await this.#sweep(actor);
    });
  }

  /** Reads the topic again from its beginning, as far as it goes now. */
  replay(partition: number, to = this.#parts.topic.partitions[partition]?.length ?? 0): void {
    if (to === 0) return;
    this.#parts.scheduler.begin(`replay ${String(partition)}`, async (actor) => {
      await this.#replay(actor, partition, to);
    });
  }

  async #session(actor: Actor, partition: number): Promise<void> {
    const { topic, engine } = this.#parts;
    const pool = gated(engine.pool, actor);
    const start = { topicId: TOPIC_ID, partition, offset: 0n };
    const { claim, nextOffset } = await takeOver(pool, start, actor.name);
    await this.#measure();
    let next = Number(nextOffset);
    for (;;) {
      await actor.turn('a batch', () => (topic.partitions[partition]?.length ?? 0) > next);
      const to = Math.min(next + 1 + this.#parts.pick(3), topic.partitions[partition]?.length ?? 0);
      const committed = await this.#commit(actor, claim, { from: next, to });
      if (!committed) return;
      next = to;
    }
  }

  /** As `PartitionSession` does: again and again while the environment is to blame; false where it was fenced. */
  async #commit(actor: Actor, claim: Claim, { from, to }: { from: number; to: number }): Promise<boolean> {
    const { counts, topic, application } = this.#parts;
    const { topicId, partition } = claim;
    const context = this.#context(actor);
    const events = await topic.events(partition, from, to);
    for (let attempt = 1; ; attempt++) {
      const lives = new Set(application.committedLives);
      try {
        const isCommitted = attempt > 1 && (await this.#isCommitted(context, claim, to));
        const mode: Batch['mode'] = isCommitted
          ? { kind: 'replay', topicId, partition }
          : { kind: 'commit', steps: [{ claim, from: BigInt(from), to: BigInt(to), batch: null }] };
        const result = await projectBatch(context, {
          events,
          mode,
          admit: () => undefined,
        });
        this.committed.push({ partition, epoch: Number(claim.epoch), lives, hasRepeats: hasRepeats(events) });
        this.#tally(result, events.length);
        return true;
      } catch (error) {
        if (error instanceof Fenced) {
          counts.add('fenced');
          return false;
        }
        this.#mayFail(error);
      }
    }
  }

  async #isCommitted({ canonical }: PipelineContext, claim: Claim, to: number): Promise<boolean> {
    const stored = (await storedOffsets(canonical, claim.topicId)).get(claim.partition);
    return stored?.epoch === claim.epoch && stored.nextOffset === BigInt(to);
  }

  async #replay(actor: Actor, partition: number, to: number): Promise<void> {
    const { engine, topic, counts } = this.#parts;
    const events = await topic.events(partition, 0, to);
    const { offsets } = await engine.observe();
    const applied = offsets.find((row) => row.partition === partition)?.nextOffset ?? 0;
    const mode = { kind: 'replay' as const, topicId: TOPIC_ID, partition };
    const batch = { events, mode, admit: () => undefined };
    try {
      const result = await projectBatch(this.#context(actor), batch);
      this.#tally(result, events.length);
      if (to <= applied && JSON.stringify(result.changes) !== JSON.stringify(NO_CHANGES))
        throw new TypeError(`I3: a replay changed something: ${JSON.stringify(result.changes)}`);
      counts.add('replays');
    } catch (error) {
      this.#mayFail(error);
    }
  }

  async #sweep(actor: Actor): Promise<void> {
    const { counts, meter } = this.#parts;
    // Without the naming of projected rows, which no link depends on.
    const lower = (liveAtUs: bigint) => {
      meter.lower(liveAtUs);
    };
    try {
      const result = await sweep({ ...this.#context(actor), graceSeconds: 86_400, meter: { lower } });
      counts.add('sweeps');
      counts.add('absorbed by a sweep', result.absorbed.length);
      counts.add('relinked by a sweep', result.relinked.length);
      counts.add('blocked', result.blocked.size);
      counts.add('settled by a sweep', result.settled);
      counts.add('late owners', result.lateOwners.flipped.size);
    } catch (error) {
      this.#mayFail(error);
    }
  }

  /**
   * Whoever decides on an agent holds its lock, so nobody meets what another one did meanwhile. Only where a membership
   * comes between two look-ups of a batch, a run turns out to be an owner's whose agent is not locked.
   */
  #mayFail(error: unknown): void {
    if (!isEnvironmentError(error)) throw error;
    const what = error instanceof Conflict ? 'conflict' : (sqlState(error) ?? String(error));
    if (!this.#parts.application.hasJoined) throw new TypeError(`A2: two met on one agent: ${what}`);
    this.#parts.counts.add(`tried again: ${what}`);
  }

  #context(actor: Actor): PipelineContext {
    const pool = gated(this.#parts.engine.pool, actor);
    const matching = { ...MATCHING, floorUs: this.#parts.meter.floorUs };
    return { canonical: pool, legacy: pool, optOutPolicy: 'respect', graceSeconds: 86_400, matching };
  }

  /** As a projector does when it starts. */
  async #measure(): Promise<void> {
    const { runs } = await this.#parts.engine.observe();
    for (const { observations, testedAtUs } of runs)
      if (observations['backfill_source'] === undefined) this.#parts.meter.lower(BigInt(testedAtUs));
  }

  #tally(result: BatchResult, events: number): void {
    const sum = RECORD_OUTCOMES.reduce((total, outcome) => total + result.records[outcome], 0);
    if (result.read !== events || sum !== events)
      throw new TypeError(`I15: of ${String(events)} records ${String(sum)} have an outcome`);
    const { counts } = this.#parts;
    for (const outcome of RECORD_OUTCOMES) counts.add(`records ${outcome}`, result.records[outcome]);
    for (const [decision, count] of Object.entries(result.decisions))
      counts.add(`decided ${decision}`, count);
    counts.add('batches');
  }
}

function hasRepeats(events: readonly SourceEvent[]): boolean {
  const ids = events.flatMap((event) => ('legacyId' in event ? [event.legacyId] : []));
  return new Set(ids).size < ids.length;
}
