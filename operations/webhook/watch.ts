/**
 * Tells people what they should hear of at once, beside a projector and on a connection of its own. The projector does it,
 * and not another process, because it is the one process that always runs. Nothing in the projector waits for it. Of
 * several projectors, one makes a message and one sends it: the outbox is in the database, and a message is claimed there.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Watch, WatchTools } from '../../consumers/agent-test-history/stream/watch.ts';
import type { ConfigWith } from '../../lib/config.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Readiness } from '../../lib/http.ts';
import { createPool, type Pool } from '../../lib/postgres.ts';
import { settledWithin } from '../../lib/settled-within.ts';
import { readWebhook, type WebhookFacts } from '../facts/webhook.ts';
import { forget } from '../../lib/metric-kinds.ts';
import { deliverDue, type DeliveryOptions } from './deliver.ts';
import { writeNews } from './outbox.ts';
import type { Endpoint } from './send.ts';

export interface WebhookWatchOptions
  extends
    Pick<WatchTools, 'logger' | 'metrics'>,
    Pick<DeliveryOptions, 'firstRestMs' | 'leaseMs' | 'sendWithinMs'> {
  readonly config: ConfigWith<'DATABASE_URL'>;
  readonly endpoint: Endpoint;
  readonly everyMs?: number;
}

const EVERY_MS = 5_000;
const BOUNDS = { statementMs: 10_000, lockMs: 5_000 };
/** A projector that ends because of a gap has this long to tell it. */
const LAST_WITHIN_MS = 3_000;
const CLOSE_WITHIN_MS = 500;

export class WebhookWatch implements Watch {
  readonly #options: WebhookWatchOptions;
  readonly #canonical: Pool;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #failing = new Set<string>();

  constructor(options: WebhookWatchOptions) {
    this.#options = options;
    const { DATABASE_URL: url } = options.config;
    this.#canonical = createPool({ url, name: 'history-cdc webhook', connections: 1, bounds: BOUNDS });
  }

  /** That nobody can be told does not keep the projector from its work; `status` and the metrics say it. */
  readonly readiness: Readiness = () => ({ ready: true });

  async begin(): Promise<void> {
    // The projector does not wait for it.
  }

  unseen(): readonly string[] {
    return [];
  }

  async run(): Promise<never> {
    this.#running = this.#rounds();
    return await new Promise(() => undefined);
  }

  async once(): Promise<void> {
    await this.#running.catch(() => undefined);
    await this.round();
  }

  /** Tells what is new, last of all what has ended the projector. */
  async stop(): Promise<void> {
    this.#stop.abort();
    const last = this.#running.then(() => this.round(new AbortController().signal));
    await settledWithin(LAST_WITHIN_MS, last);
    await settledWithin(CLOSE_WITHIN_MS, this.#canonical.end());
  }

  async #rounds(): Promise<void> {
    const { everyMs = EVERY_MS } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.round(signal);
      await delay(everyMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Makes messages of what is new, and sends what is due. It never rejects. */
  async round(signal: AbortSignal = this.#stop.signal): Promise<void> {
    const { config, endpoint, logger, metrics } = this.#options;
    try {
      await writeNews(this.#canonical);
      await deliverDue(this.#canonical, {
        ...this.#options,
        endpoint,
        giveUpHours: config.WEBHOOK_GIVE_UP_HOURS,
        signal,
        delivered: (type) => {
          if (this.#failing.size > 0) logger.info({ type }, 'the webhook takes messages again');
          this.#failing.clear();
        },
        failed: (reason, { type, givenUp }) => {
          if (givenUp) logger.error({ type, reason }, 'a message of the webhook is given up');
          else this.#warn(reason, 'the webhook did not take a message; it is sent again');
        },
      });
      showWebhook(metrics, await readWebhook(this.#canonical));
    } catch (error) {
      forget(metrics.webhookMessages, metrics.webhookOldest);
      this.#warn(messageOf(error), 'no message could be made or sent; the next look will do');
    }
  }

  /** Each reason once, until a message is delivered. */
  #warn(reason: string, text: string): void {
    if (!this.#failing.has(reason) && !this.#stop.signal.aborted) this.#options.logger.warn({ reason }, text);
    this.#failing.add(reason);
  }
}

function showWebhook(metrics: WebhookWatchOptions['metrics'], facts: WebhookFacts | null | undefined): void {
  if (facts === undefined || facts === null) return;
  metrics.webhookMessages.set({ state: 'waiting' }, facts.waiting);
  metrics.webhookMessages.set({ state: 'given_up' }, facts.givenUp);
  metrics.webhookOldest.set(facts.oldestSeconds ?? 0);
}
