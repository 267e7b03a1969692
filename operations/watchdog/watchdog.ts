/**
 * Beside the projector, on connections of its own: looks every WATCHDOG_SECONDS at what the stream stands on, at whether
 * it moves, and at the connector's task. What is broken stops the projector, because behind it rows may be missing, and
 * everything that looks well would go on looking well. What only stands still is said, and is over when it moves. What
 * cannot be reached is said once, and stops nothing, because the records of the topic can be projected all the same. But
 * the projector is not ready meanwhile, unless the settings do not name the service.
 *
 * A slot that is advanced and read on between two looks leaves no trace here: `connector resume` looks first.
 */
import { assertNotRetired } from '../../consumers/agent-test-history/schema/retired.ts';
import { setTimeout as delay } from 'node:timers/promises';
import { markOlderAccepted } from '../continuity/gaps.ts';
import { acceptGaps, checkContinuity } from '../continuity/identity-store.ts';
import type { Watch, WatchTools } from '../../consumers/agent-test-history/stream/watch.ts';
import type { ConfigWith } from '../../lib/config.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Readiness } from '../../lib/http.ts';
import { forget } from '../../lib/metric-kinds.ts';
import { isEnvironmentError, sqlState } from '../../lib/postgres-errors.ts';
import { settledWithin } from '../../lib/settled-within.ts';
import { NoAnswer, within } from '../../lib/within.ts';
import { valueOf } from '../facts/answer.ts';
import { backlogOf } from '../facts/backlog.ts';
import { readProjection } from '../facts/canonical.ts';
import { Services } from '../facts/services.ts';
import { BlindSpots } from './blind-spots.ts';
import { gapOpen, streamBroken } from './break-errors.ts';
import { look, SETTING_OF, STREAM, WATCHED, type Look } from './look.ts';
import { Restarter } from './restarter.ts';
import { STAGES, StallWatch, stallText, type Movement, type Stage, type Stall } from './stall.ts';
import { identitiesOf, type Recorded } from '../continuity/judge.ts';

export type WatchdogConfig = ConfigWith<'DATABASE_URL'>;

export interface WatchdogOptions extends WatchTools {
  readonly config: WatchdogConfig;
  /** Gaps that a person accepts: what is there now takes the place of what was recorded. */
  readonly acceptedGaps: readonly string[];
  readonly acceptNewTopic: boolean;
}

/** A question that takes longer is given up by the server. */
const BOUNDS = { statementMs: 5_000, lockMs: 2_000 };
const CLOSE_WITHIN_MS = 1_000;
/** How often it looks although the watch is off, until it has seen everything once. */
const LOOK_AGAIN_MS = 10_000;
/** Each question has its own limit; a look that takes longer all the same is given up and reported, and the next one begins. */
const JUDGED_WITHIN_MS = 60_000;
/** Nothing is accepted that was not seen, so it is waited for. */
const ACCEPT_WITHIN_MS = 60_000;

export class Watchdog implements Watch {
  readonly #options: WatchdogOptions;
  readonly #services: Services;
  readonly #blind: BlindSpots;
  readonly #stalls: StallWatch;
  readonly #restarter: Restarter;
  readonly #stop = new AbortController();
  #running: Promise<unknown> = Promise.resolve();
  #stalled: readonly Stall[] = [];
  #gaps = 0;
  /** When the last look came to its end. */
  #lookedAt: number | undefined;
  /** The ledger knows the topic after the first commit only: a change before that is a break, too. */
  #seenFirst: Recorded | undefined;

  constructor(options: WatchdogOptions) {
    const { config, cluster, logger, metrics } = options;
    this.#options = options;
    this.#services = new Services(config, {
      name: 'history-cdc watchdog',
      connections: 1,
      bounds: BOUNDS,
      kafka: cluster,
    });
    this.#blind = new BlindSpots({
      logger,
      metrics,
      afterMs: config.WATCHDOG_STALL_SECONDS * 1000,
      isConfigured: (spot) => config[SETTING_OF[spot]] !== undefined,
      now: () => performance.now(),
    });
    this.#stalls = new StallWatch(config.WATCHDOG_STALL_SECONDS * 1000);
    this.#restarter = new Restarter({ config, services: this.#services, logger, metrics });
    metrics.beforeScrape(() => {
      const silentMs = performance.now() - (this.#lookedAt ?? performance.now());
      if (silentMs > 2 * config.WATCHDOG_SECONDS * 1000 + JUDGED_WITHIN_MS)
        forget(metrics.stalled, metrics.gapsOpen, metrics.watchdogBlind);
    });
  }

  readonly readiness: Readiness = () => {
    if (this.#stalled.length > 0) return { ready: false, reason: this.#stalled.map(stallText).join('; ') };
    const restarter = this.#restarter.readiness();
    return restarter.ready ? this.#blind.readiness() : restarter;
  };

  unseen(): readonly string[] {
    return this.#blind.unseen;
  }

  async begin(): Promise<void> {
    const { acceptedGaps, acceptNewTopic } = this.#options;
    if (acceptedGaps.length > 0 || acceptNewTopic) await this.#accept();
    await this.once();
  }

  async #accept(): Promise<void> {
    const { acceptedGaps: ids, acceptNewTopic, topicId } = this.#options;
    const canonical = this.#services.canonical();
    const { present, answers, blind } = await this.#lookAt(STREAM, ACCEPT_WITHIN_MS);
    const xmax = valueOf(answers.writes)?.xmax ?? null;
    if (acceptNewTopic) await markOlderAccepted(canonical, topicId, xmax);
    await acceptGaps(canonical, { topicId, ids, present, xmax }, [...blind.values()]);
  }

  async #lookAt(facts: typeof WATCHED, withinMs?: number): Promise<Look> {
    const { config } = this.#options;
    const services = this.#services;
    return await look({ services, config, facts, ...(withinMs !== undefined && { withinMs }) });
  }

  async run(): Promise<never> {
    const intervalMs = this.#options.config.WATCHDOG_SECONDS * 1000;
    for (;;) {
      // If the watch is off, it ends with the first look that sees everything; what was not seen is not well.
      const pauseMs = intervalMs === 0 && this.unseen().length > 0 ? LOOK_AGAIN_MS : intervalMs;
      // From here it never comes back.
      if (pauseMs === 0 || this.#stop.signal.aborted) await new Promise(() => undefined);
      await delay(pauseMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
      if (!this.#stop.signal.aborted) await this.once();
    }
  }

  async once(): Promise<void> {
    const begun = this.#running.catch(() => undefined).then(() => this.#look());
    this.#running = begun;
    await begun;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await settledWithin(CLOSE_WITHIN_MS, this.#close());
  }

  async #close(): Promise<void> {
    await this.#running.catch(() => undefined);
    await this.#services.close();
  }

  /** Throws what must stop the projector; what the ledger's database keeps it from is left to the next look. */
  async #look(): Promise<void> {
    const seen = await this.#lookAt(WATCHED);
    try {
      await within(JUDGED_WITHIN_MS, async () => {
        await this.#judgeContinuity(seen);
        this.#showStalls(await this.#movement(seen));
        await this.#restarter.consider(seen);
      });
      this.#blind.show(seen.blind);
    } catch (error) {
      const passes = sqlState(error) !== undefined || isEnvironmentError(error) || error instanceof NoAnswer;
      if (!passes) throw error;
      this.#blind.show(new Map([...seen.blind, ['ledger', messageOf(error)]]));
      // What was seen before says nothing about now.
      forget(this.#options.metrics.gapsOpen, this.#options.metrics.stalled);
    }
    this.#lookedAt = performance.now();
    this.#options.metrics.watchdogLooked.setToCurrentTime();
  }

  async #judgeContinuity({ present }: Look): Promise<void> {
    const { logger, metrics, topicId, config } = this.#options;
    await assertNotRetired(this.#services.canonical(), this.#services.legacy());
    this.#seenFirst ??= identitiesOf(present);
    const { breaks, gaps } = await checkContinuity(this.#services.canonical(), {
      topicId,
      present,
      seenBefore: this.#seenFirst,
    });
    metrics.gapsOpen.set(gaps.length);
    const unaccepted = gaps.filter(({ acceptedAt }) => acceptedAt === null);
    // Of a topic that the ledger does not know yet, the projector says first whether it may be projected.
    if (breaks.length > 0 && gaps.length > 0) throw streamBroken({ breaks, gaps: unaccepted }, config);
    if (unaccepted.length > 0) throw gapOpen(unaccepted, config);
    if (gaps.length !== this.#gaps && gaps.length > 0) {
      const open = gaps.map(({ id, kind }) => `${id} (${kind})`);
      logger.warn(
        { gaps: open },
        'a gap is open until the table was read again and `history-cdc reconcile` proves it closed',
      );
    }
    this.#gaps = gaps.length;
  }

  async #movement({ answers }: Look): Promise<Movement> {
    const [topic, beats = 0n] = [valueOf(answers.dataTopic), valueOf(answers.beats)];
    const seen = { changes: valueOf(answers.writes)?.changes, beating: beats > 0n };
    if (topic === undefined) return { ...seen, arrived: undefined, partitions: undefined };
    const { offsets } = await readProjection(this.#services.canonical());
    return {
      ...seen,
      arrived: [...topic.marks.values()].reduce((sum, { high }) => sum + high, beats),
      partitions: backlogOf(this.#options.topicId, topic.marks, offsets).partitions,
    };
  }

  #showStalls(movement: Movement): void {
    const { logger, metrics } = this.#options;
    const before = this.#stalled;
    this.#stalled = this.#stalls.observe(performance.now(), movement);
    for (const stage of Object.keys(STAGES) as Stage[]) {
      const ofStage = ({ stage: other }: Stall) => other === stage;
      const [was, is] = [before.some(ofStage), this.#stalled.some(ofStage)];
      metrics.stalled.set({ stage }, is ? 1 : 0);
      for (const stall of this.#stalled.filter(ofStage)) {
        if (before.some(({ stage: other, partition }) => other === stage && partition === stall.partition))
          continue;
        const { partition, nextOffset, forMs } = stall;
        logger.error(
          { stage, partition, nextOffset: nextOffset?.toString(), seconds: Math.round(forMs / 1000) },
          `stalled: ${stallText(stall)}`,
        );
      }
      if (was && !is) logger.info({ stage }, 'it moves again');
    }
  }
}
