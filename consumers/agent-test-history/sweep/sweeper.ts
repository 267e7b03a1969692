import { setTimeout } from 'node:timers/promises';
import { messageOf } from '../../../lib/errors.ts';
import type { Logger } from '../../../lib/log.ts';
import { isEnvironmentError } from '../../../lib/postgres-errors.ts';
import { onRecord } from './last-sweep.ts';
import { sweep, type SweepContext, type SweepResult } from './sweep.ts';

/**
 * A pause lasts at least ten times as long as the sweep before it, because a sweep reads the whole canonical table. So
 * sweeps take at most a tenth of one core, however large the table is.
 */
const REST_FACTOR = 10;

/** The pause after a sweep. */
export function restSeconds(intervalSeconds: number, tookSeconds: number): number {
  return Math.max(intervalSeconds, REST_FACTOR * tookSeconds);
}

export interface SweeperOptions {
  readonly context: SweepContext;
  readonly logger: Logger;
  /** The shortest pause between two sweeps; 0 for no sweeps. */
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

  /** Sweeps until it is stopped. Rejects with an error that is not a passing fault of the environment. */
  async run(): Promise<never> {
    let restMs = this.#options.intervalSeconds * 1000;
    for (;;) {
      // If sweeps are off, or after `stop`, this never resolves.
      if (restMs === 0 || this.#stop.signal.aborted) await new Promise(() => undefined);
      await setTimeout(restMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
      if (this.#stop.signal.aborted) continue;
      const begun = performance.now();
      await this.once().catch((error: unknown) => {
        if (!isEnvironmentError(error)) throw error;
        this.#options.logger.warn(
          { reason: messageOf(error) },
          'a sweep failed and was rolled back; the next sweep does its work',
        );
        this.#options.failed(error as Error);
      });
      restMs = 1000 * restSeconds(this.#options.intervalSeconds, (performance.now() - begun) / 1000);
    }
  }

  /** Runs one sweep now, after the one that is running. */
  async once(): Promise<SweepResult> {
    const begun = this.#running.catch(() => undefined).then(() => this.#sweep());
    this.#running = begun;
    return await begun;
  }

  /** Starts no other sweep, and waits for the one that is running. */
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
    if (erased > 0) logger.info({ records: erased }, 'the content of healed and waived records was removed');
    if (absorbed.length > 0)
      logger.info({ legacyIds: absorbed }, 'live rows have replaced our canonical rows');
    if (relinked.length > 0)
      logger.info({ legacyIds: relinked }, 'links changed because other rows of the clusters came later');
    for (const [legacyId, decision] of flipped)
      logger.info(
        { legacyId, decision },
        'the user of this run became an owner, so the run was decided again',
      );
    for (const [legacyId, table] of blocked)
      logger.warn(
        { legacyId, keptBy: table },
        'a live row cannot replace our canonical row: a table refers to our row, or the application refuses its removal',
      );
  }
}
