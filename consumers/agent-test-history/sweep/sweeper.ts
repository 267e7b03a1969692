import { setTimeout } from 'node:timers/promises';
import { messageOf } from '../../../lib/errors.ts';
import type { Logger } from '../../../lib/log.ts';
import { isEnvironmentError } from '../../../lib/postgres-errors.ts';
import { onRecord } from './last-sweep.ts';
import { sweep, type SweepContext, type SweepResult } from './sweep.ts';

/** A sweep reads the canonical table once, so it rests for ten times as long: at most a tenth of one core, however large the table is. */
const REST_FACTOR = 10;

/** From the end of a sweep to the next one. */
export function restSeconds(intervalSeconds: number, tookSeconds: number): number {
  return Math.max(intervalSeconds, REST_FACTOR * tookSeconds);
}

export interface SweeperOptions {
  readonly context: SweepContext;
  readonly logger: Logger;
  /** Between two sweeps at least; 0: no sweeps. */
  readonly intervalSeconds: number;
  swept(result: SweepResult, seconds: number): void;
  failed(error: Error): void;
}

/** Sweeps again and again while a projector runs. */
export class Sweeper {
  readonly #options: SweeperOptions;
  readonly #stop = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: SweeperOptions) {
    this.#options = options;
  }

  /** Rejects with what is neither the environment's fault nor passes by itself. */
  async run(): Promise<never> {
    let restMs = this.#options.intervalSeconds * 1000;
    for (;;) {
      // Where sweeps are off, and once stopped, this never comes back.
      if (restMs === 0 || this.#stop.signal.aborted) await new Promise(() => undefined);
      await setTimeout(restMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
      if (this.#stop.signal.aborted) continue;
      const begun = performance.now();
      await this.once().catch((error: unknown) => {
        if (!isEnvironmentError(error)) throw error;
        this.#options.logger.warn({ reason: messageOf(error) }, 'a sweep was given up; the next one will do');
        this.#options.failed(error as Error);
      });
      restMs = 1000 * restSeconds(this.#options.intervalSeconds, (performance.now() - begun) / 1000);
    }
  }

  /** One sweep now, behind the one in hand. */
  async once(): Promise<SweepResult> {
    const begun = this.#running.catch(() => undefined).then(() => this.#sweep());
    this.#running = begun;
    return await begun;
  }

  /** Begins no other sweep, and waits for the one in hand. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running.catch(() => undefined);
  }

  async #sweep(): Promise<SweepResult> {
    const begun = performance.now();
    const { context, logger } = this.#options;
    const { canonical } = context;
    const result = await onRecord({ canonical, by: 'project', logger }, () => sweep(context));
    this.#log(result);
    this.#options.swept(result, (performance.now() - begun) / 1000);
    return result;
  }

  #log({ absorbed, relinked, blocked, lateOwners: { flipped }, erased }: SweepResult): void {
    const { logger } = this.#options;
    if (erased > 0) logger.info({ records: erased }, 'the content of settled records was removed');
    if (absorbed.length > 0) logger.info({ legacyIds: absorbed }, 'live rows took over from ours');
    if (relinked.length > 0) logger.info({ legacyIds: relinked }, 'links changed with rows that came later');
    for (const [legacyId, decision] of flipped)
      logger.info({ legacyId, decision }, 'a stranger by then is an owner by now: decided anew');
    for (const [legacyId, table] of blocked)
      logger.warn(
        { legacyId, keptBy: table },
        'a live row cannot take over from ours: a table refers to ours, or the application refuses its removal',
      );
  }
}
