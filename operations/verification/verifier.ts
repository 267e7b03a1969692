/**
 * Compares again what was projected, all the time and at a bounded cost, beside a projector and on connections of its own.
 * Nothing in the projector waits for it: if Postgres falls silent or a comparison fails, the projector goes on, and the
 * stored state says that the verification does not (../facts/verification.ts). Several projectors share one state and one
 * budget (state.ts).
 */
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { codeOf } from '../../consumers/agent-test-history/sweep/last-sweep.ts';
import { assertBothWhole } from '../../consumers/agent-test-history/schema/requirements.ts';
import { retiredOr } from '../../consumers/agent-test-history/schema/retired.ts';
import type { Watch, WatchTools } from '../../consumers/agent-test-history/stream/watch.ts';
import { matchingOf } from '../../consumers/agent-test-history/twins/matching.ts';
import type { ConfigWith } from '../../lib/config.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Readiness } from '../../lib/http.ts';
import { topicNames } from '../../lib/names.ts';
import { settledWithin } from '../../lib/settled-within.ts';
import { within } from '../../lib/within.ts';
import { Services } from '../facts/services.ts';
import { Barrier } from '../reconcile/barrier.ts';
import { endsOf } from '../reconcile/topic-ends.ts';
import { AGAIN, type Found } from './findings.ts';
import { Pace } from './pace.ts';
import { beat, beginState, recordFailure, recordHeld, type Beat } from './state.ts';
import { DEFAULTS, step, type Done, type StepContext } from './step.ts';

export interface VerifierOptions extends Omit<WatchTools, 'topicId'> {
  readonly config: ConfigWith<'DATABASE_URL' | 'LEGACY_DATABASE_URL'>;
  /** Other times than the usual ones. */
  readonly timing?: Partial<Pick<StepContext, 'passSeconds' | 'again'>>;
}

const BOUNDS = { statementMs: 60_000, lockMs: 5_000 };
const BEAT_MS = 15_000;
const BEAT_WITHIN_MS = 5_000;
/** Whether all rows can be seen is asked again after this time. */
const SEES_ALL_FOR_MS = 60_000;
const AFTER_FAILURE_MS = 5_000;
const LONGEST_PAUSE_MS = 5_000;
const CLOSE_WITHIN_MS = 1_000;
/** So many ids of a step are written to the log. */
const MOST_LINES = 20;

export class Verifier implements Watch {
  readonly #options: VerifierOptions;
  readonly #services: Services;
  readonly #pace: Pace;
  readonly #beat: Beat;
  readonly #context: StepContext;
  readonly #stop = new AbortController();
  #running: Promise<unknown> = Promise.resolve();
  #begun = false;
  #seesAllUntil = 0;
  #failure: string | undefined;

  constructor(options: VerifierOptions) {
    const { config, cluster } = options;
    this.#options = options;
    const settings = { name: 'history-cdc verification', connections: 3, bounds: BOUNDS, kafka: cluster };
    this.#services = new Services(config, settings);
    this.#pace = new Pace(this.#services, config);
    const rowsPerSecond = config.VERIFY_ROWS_PER_SECOND;
    this.#beat = { projector: `${hostname()}:${String(process.pid)}`, rowsPerSecond };
    const [canonical, legacy] = [this.#services.canonical(), this.#services.legacy()];
    const { data: topic } = topicNames(config);
    this.#context = {
      ...{ canonical, legacy, rowsPerSecond, again: AGAIN, ...DEFAULTS, ...options.timing },
      maxShare: config.VERIFY_MAX_SHARE,
      elsewhere: config.LEGACY_DATABASE_URL === config.DATABASE_URL ? undefined : legacy,
      windowUs: matchingOf(config).windowUs,
      retentionDays: config.CANONICAL_RETENTION_DAYS,
      afterSeconds: config.VERIFY_AFTER_SECONDS,
      barrier: new Barrier(canonical, {
        ...{ legacy, slot: config.SLOT_NAME },
        topicEnds: () => endsOf(cluster, topic).catch(messageOf),
      }),
    };
  }

  /** What is wrong in a table does not keep the projector from its work. */
  readonly readiness: Readiness = () => ({ ready: true });

  async begin(): Promise<void> {
    // The projector does not wait for it.
  }

  async once(): Promise<void> {
    // What a run has projected a moment ago is verified by the projectors that come after it.
  }

  unseen(): readonly string[] {
    // It does not look at the stream.
    return [];
  }

  /** Rejects with TABLE_RETIRED once the legacy table was dropped on purpose; with nothing else. */
  async run(): Promise<never> {
    if (this.#beat.rowsPerSecond === 0) return await new Promise(() => undefined);
    const work = Promise.all([this.#work(), this.#beats()]);
    this.#running = work.catch(() => undefined);
    await work;
    return await new Promise(() => undefined);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    const closed = this.#running.then(() => this.#services.close());
    await settledWithin(CLOSE_WITHIN_MS, closed);
  }

  get #stopped(): boolean {
    return this.#stop.signal.aborted;
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }

  async #work(): Promise<void> {
    while (!this.#stopped) await this.#pause(await this.#workOnce());
  }

  /** Returns for how long it rests. Whatever fails here must not stop the projector, but for a table that was dropped on purpose. */
  async #workOnce(): Promise<number> {
    const { canonical } = this.#context;
    try {
      await this.#begin();
      const heldBy = await this.#pace.heldBy();
      if (heldBy !== undefined) {
        await recordHeld(canonical, heldBy);
        return LONGEST_PAUSE_MS;
      }
      const result = await step(this.#context);
      if (result.kind === 'done') this.#report(result.done);
      const ms = result.kind === 'done' ? result.done.restMs : result.ms;
      return Math.min(ms, LONGEST_PAUSE_MS);
    } catch (error) {
      if (this.#stopped) return AFTER_FAILURE_MS;
      const { legacy } = this.#context;
      const reason = await retiredOr(error, canonical, legacy);
      if (reason !== error) throw reason;
      await this.#failed(error);
      return AFTER_FAILURE_MS;
    }
  }

  async #begin(): Promise<void> {
    const { canonical, legacy } = this.#context;
    if (!this.#begun) await beginState(canonical, this.#beat);
    this.#begun = true;
    if (performance.now() < this.#seesAllUntil) return;
    await assertBothWhole(canonical, legacy);
    this.#seesAllUntil = performance.now() + SEES_ALL_FOR_MS;
  }

  async #failed(error: unknown): Promise<void> {
    const code = codeOf(error);
    if (code !== this.#failure)
      this.#options.logger.warn(
        { code, reason: messageOf(error) },
        'the verification has failed, and is tried again; the projector goes on',
      );
    this.#failure = code;
    await recordFailure(this.#context.canonical, code).catch(() => undefined);
  }

  #report({ part, rows, wrong, healed }: Done): void {
    const { logger, metrics } = this.#options;
    if (this.#failure !== undefined) logger.info('the verification goes on');
    this.#failure = undefined;
    metrics.verifiedRows.inc({ part }, rows);
    for (const found of wrong.slice(0, MOST_LINES))
      logger.error(idsOf(found), 'the verification has found a wrong row');
    if (wrong.length > 0)
      logger.error(
        { rows: wrong.length },
        'rows are wrong: `history-cdc status` and the runbook say what to do',
      );
    for (const found of healed.slice(0, MOST_LINES)) logger.info(idsOf(found), 'a wrong row is right again');
  }

  async #beats(): Promise<void> {
    const { canonical } = this.#context;
    while (!this.#stopped) {
      await within(BEAT_WITHIN_MS, async () => {
        if (this.#begun) await beat(canonical, this.#beat);
      }).catch(() => undefined);
      await this.#pause(BEAT_MS);
    }
  }
}

function idsOf({ kind, legacyId, canonicalRunId, fields }: Found) {
  return { kind, legacyId, canonicalRunId, fields };
}
