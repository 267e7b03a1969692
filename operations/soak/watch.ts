/**
 * Looks at the soak beside a projector, every few minutes and on connections of its own: it records incidents and samples of
 * readers, keeps what it found for `status`, and sets the metrics. Nothing in the projector waits for it, and whatever fails
 * here is logged and tried again. Of several projectors, the one that looks first looks for all of them.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Watch, WatchTools } from '../../consumers/agent-test-history/stream/watch.ts';
import type { ConfigWith } from '../../lib/config.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Readiness } from '../../lib/http.ts';
import type { Metrics } from '../../lib/metrics.ts';
import { settledWithin } from '../../lib/settled-within.ts';
import { within } from '../../lib/within.ts';
import { withServices, type Services } from '../facts/services.ts';
import { holds } from './condition.ts';
import { counts, INCIDENT_KINDS, isOver } from './incidents.ts';
import { isLookDue, keepLook } from './look-store.ts';
import { lookAtSoak, type SoakReport } from './soak.ts';
import { STAGES } from './stages.ts';

export interface SoakWatchOptions extends Omit<WatchTools, 'topicId'> {
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
    const { config, metrics } = this.#options;
    if (!(await isLookDue(services.canonical(), everyMs / 2))) return;
    const report = await lookAtSoak(services, config, { by: 'history-cdc project' });
    await keepLook(services.canonical(), report);
    showSoak(metrics, report);
  }
}

/** Every stage, condition and kind has a sample, so that one that is missing means that nobody has looked. */
export function showSoak(
  metrics: Pick<Metrics, 'soakStage' | 'soakCondition' | 'soakIncidents' | 'soakLooked'>,
  { at, stage, conditions, incidents }: SoakReport,
): void {
  for (const one of STAGES) metrics.soakStage.set({ stage: one }, one === stage ? 1 : 0);
  for (const condition of conditions)
    metrics.soakCondition.set({ condition: condition.id }, holds(condition) ? 1 : 0);
  for (const kind of INCIDENT_KINDS) {
    const ofKind = incidents.filter((incident) => incident.kind === kind);
    const open = ofKind.filter((incident) => !isOver(incident)).length;
    const stops = ofKind.filter((incident) => isOver(incident) && counts(incident)).length;
    metrics.soakIncidents.set({ kind, state: 'open' }, open);
    metrics.soakIncidents.set({ kind, state: 'stops' }, stops);
    metrics.soakIncidents.set({ kind, state: 'past' }, ofKind.length - open - stops);
  }
  metrics.soakLooked.set(at.getTime() / 1000);
}
