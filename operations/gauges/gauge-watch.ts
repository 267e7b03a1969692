/**
 * Beside a projector that serves /metrics, on connections of its own: reads again and again what the gauges show of the
 * services that all projectors share. Nothing in the projector waits for it. What it cannot read has no sample, and neither
 * has anything if a look does not come to its end: a value that stays would read as good.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Watch, WatchTools } from '../../consumers/agent-test-history/stream/watch.ts';
import type { ConfigWith } from '../../lib/config.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Readiness } from '../../lib/http.ts';
import { topicNames } from '../../lib/names.ts';
import { settledWithin } from '../../lib/settled-within.ts';
import { answerOf, required, type Answer } from '../facts/answer.ts';
import { FACTS, type Answers, type FactName } from '../facts/facts.ts';
import { gather } from '../facts/gather.ts';
import { Paced } from '../facts/paced.ts';
import { Services } from '../facts/services.ts';
import { lagSeconds } from './lag-seconds.ts';
import { ASKED, forgetGauges, showGauges } from './show.ts';
import { readSoakLook } from './soak-look.ts';

export interface GaugeWatchOptions extends Omit<WatchTools, 'topicId'> {
  readonly config: ConfigWith<'DATABASE_URL'>;
  /** A clock in milliseconds that only moves forward. */
  readonly now?: () => number;
}

/** Where the watchdog is off. */
const EVERY_SECONDS = 15;
const BOUNDS = { statementMs: 9_000, lockMs: 2_000 };
const WITHIN_MS = 10_000;
/** The ledger is counted whole, so the count rests twenty times as long as it took (../facts/paced.ts). */
const COUNT_RESTS_MS = 10_000;
/** A look takes less; one that does not has hung. */
const LOOK_LASTS_MS = 60_000;
const CLOSE_WITHIN_MS = 1_000;

export class GaugeWatch implements Watch {
  readonly #options: GaugeWatchOptions;
  readonly #services: Services;
  readonly #now: () => number;
  readonly #everyMs: number;
  readonly #stop = new AbortController();
  readonly #decisions: Paced<unknown>;
  #running: Promise<void> = Promise.resolve();
  #shownAt: number | undefined;

  constructor(options: GaugeWatchOptions) {
    const { config, cluster, metrics, now = () => performance.now() } = options;
    this.#options = options;
    this.#now = now;
    this.#everyMs = (config.WATCHDOG_SECONDS === 0 ? EVERY_SECONDS : config.WATCHDOG_SECONDS) * 1000;
    const quiet = { ...config, LOG_LEVEL: 'silent' } as const;
    const opened = { name: 'history-cdc gauges', connections: 2, bounds: BOUNDS, kafka: cluster };
    this.#services = new Services(quiet, opened);
    this.#decisions = new Paced(() => Promise.resolve(undefined), { restMs: COUNT_RESTS_MS });
    metrics.beforeScrape(() => {
      if (this.#shownAt === undefined || this.#now() - this.#shownAt <= this.#everyMs + LOOK_LASTS_MS) return;
      forgetGauges(metrics, this.#isConfigured);
    });
  }

  /** What the gauges show does not keep the projector from its work. */
  readonly readiness: Readiness = () => ({ ready: true });

  async begin(): Promise<void> {
    // The projector does not wait for it.
  }

  async once(): Promise<void> {
    // Nobody reads the gauges of a run that ends by itself.
  }

  unseen(): readonly string[] {
    // What it could not read has no sample.
    return [];
  }

  async run(): Promise<never> {
    this.#running = this.#looks();
    return await new Promise(() => undefined);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    const closed = this.#running.then(() => this.#services.close());
    await settledWithin(CLOSE_WITHIN_MS, closed);
  }

  async #looks(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.look().catch((error: unknown) => {
        this.#options.logger.warn(
          { reason: messageOf(error) },
          'the gauges could not be set; the next look will do',
        );
      });
      await delay(this.#everyMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** One look, each question within its time. */
  async look(): Promise<void> {
    const { config, metrics } = this.#options;
    const services = this.#services;
    const wanted = ASKED.filter(this.#isConfigured);
    const instead = (name: FactName, ask: () => Promise<unknown>): Promise<Answer<unknown>> | undefined =>
      name === 'decisions' ? this.#decisions.latest(ask) : undefined;
    const [answers, soak] = await Promise.all([
      gather({ services, config }, wanted, { withinMs: WITHIN_MS, instead }),
      answerOf(() => readSoakLook(services.canonical()), WITHIN_MS),
    ]);
    const lag = await answerOf(() => this.#lag(answers), WITHIN_MS);
    showGauges(metrics, { ...answers, lag, soak }, this.#isConfigured);
    this.#shownAt = this.#now();
  }

  async #lag({ dataTopic, projection }: Answers): Promise<ReadonlyMap<number, number>> {
    const { config, cluster } = this.#options;
    const { data } = topicNames(config);
    const topic = required(dataTopic);
    if (topic === undefined) throw new Error('there is no data topic');
    return await lagSeconds(topic, required(projection), (at) => cluster.offsetsAt(data, at));
  }

  readonly #isConfigured = (fact: FactName): boolean =>
    FACTS[fact].needs.every((name) => this.#options.config[name] !== undefined);
}
