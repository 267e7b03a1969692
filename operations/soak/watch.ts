/**
 * Looks at the soak beside a projector, every few minutes and on connections of its own: it records incidents and samples of
 * readers, and keeps what it found for `status` and the metrics. Nothing in the projector waits for it, and whatever fails
 * here is logged and tried again. Of several projectors, the one that looks first looks for all of them.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Watch, WatchTools } from '../../consumers/agent-test-history/stream/watch.ts';
import type { ConfigWith } from '../../lib/config.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Readiness } from '../../lib/http.ts';
import { settledWithin } from '../../lib/settled-within.ts';
import { within } from '../../lib/within.ts';
import { withServices, type Services } from '../facts/services.ts';
import { isLookDue, keepLook } from './look-store.ts';
import { lookAtSoak } from './soak.ts';

export interface SoakWatchOptions extends Omit<WatchTools, 'topicId' | 'metrics'> {
  readonly config: ConfigWith<'DATABASE_URL'>;
  readonly everyMs?: number;
}

const EVERY_MS = 5 * 60_000;
/** A projector that starts has better things to do. */
const FIRST_MS = 30_000;
const LOOK_WITHIN_MS = 4 * 60_000;
const CLOSE_WITHIN_MS = 1_000;

export class SoakWatch implements Watch {
  readonly #options: SoakWatchOptions;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #failed = false;

  constructor(options: SoakWatchOptions) {
    this.#options = options;
  }

  /** The soak does not keep the projector from its work. */
  readonly readiness: Readiness = () => ({ ready: true });

  async begin(): Promise<void> {
    // The projector does not wait for it.
  }

  async once(): Promise<void> {
    // `history-cdc soak` looks when somebody asks.
  }

  unseen(): readonly string[] {
    // What it could not see makes its conditions unknown.
    return [];
  }

  async run(): Promise<never> {
    this.#running = this.#looks();
    return await new Promise(() => undefined);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await settledWithin(CLOSE_WITHIN_MS, this.#running);
  }

  async #looks(): Promise<void> {
    const { everyMs = EVERY_MS } = this.#options;
    const { signal } = this.#stop;
    let restMs = Math.min(FIRST_MS, everyMs);
    for (;;) {
      await delay(restMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      await this.look();
      restMs = everyMs;
    }
  }

  /** One look, unless another projector has looked a moment ago. It never rejects. */
  async look(): Promise<void> {
    const { config, cluster, logger, everyMs = EVERY_MS } = this.#options;
    const quiet = { ...config, LOG_LEVEL: 'silent' } as const;
    const opened = { name: 'history-cdc soak', connections: 2, bounds: 'work', kafka: cluster } as const;
    try {
      await withServices(quiet, opened, (services) =>
        within(LOOK_WITHIN_MS, () => this.#lookOn(services, everyMs)),
      );
      this.#failed = false;
    } catch (error) {
      if (!this.#failed && !this.#stop.signal.aborted)
        logger.warn({ reason: messageOf(error) }, 'the soak could not be looked at; the next look will do');
      this.#failed = true;
    }
  }

  async #lookOn(services: Services, everyMs: number): Promise<void> {
    const { config } = this.#options;
    if (!(await isLookDue(services.canonical(), everyMs / 2))) return;
    const report = await lookAtSoak(services, config, { by: 'history-cdc project' });
    await keepLook(services.canonical(), report);
  }
}
