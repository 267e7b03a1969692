import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../../lib/config.ts';
import { messageOf } from '../../lib/errors.ts';
import { withServices } from '../facts/services.ts';
import { lookAtSoak, type SoakReport } from '../soak/soak.ts';

export type SoakSeen =
  | { readonly kind: 'report'; readonly report: SoakReport }
  | { readonly kind: 'looking' }
  | { readonly kind: 'failed'; readonly why: string };

const REST_MS = 5_000;
const WAIT_MS = 6_000;

/**
 * The report of `soak`, looked up once for all visitors, because some of its facts read a whole table. A visitor waits some
 * seconds; then the page says that the look is under way.
 */
export class SoakLooks {
  readonly #config: Config;
  readonly #stop: AbortSignal;
  #last: { readonly seen: SoakSeen; readonly atMs: number } | undefined;
  #running: Promise<SoakSeen> | undefined;

  constructor(config: Config, stop: AbortSignal) {
    this.#config = config;
    this.#stop = stop;
  }

  async latest(): Promise<SoakSeen> {
    if (this.#last !== undefined && performance.now() - this.#last.atMs < REST_MS) return this.#last.seen;
    this.#running ??= this.#look().finally(() => (this.#running = undefined));
    const late = new AbortController();
    const looking = delay(WAIT_MS, { kind: 'looking' } as const, {
      signal: AbortSignal.any([late.signal, this.#stop]),
    });
    looking.catch(() => undefined);
    try {
      return await Promise.race([this.#running, looking]);
    } finally {
      late.abort();
    }
  }

  async #look(): Promise<SoakSeen> {
    const quiet = { ...this.#config, LOG_LEVEL: 'silent' } as const;
    const opened = { name: 'history-cdc console soak', connections: 2, bounds: 'work' } as const;
    const seen = await withServices(quiet, opened, (services) =>
      lookAtSoak(services, this.#config, { by: 'history-cdc console' }),
    ).then(
      (report): SoakSeen => ({ kind: 'report', report }),
      (error: unknown): SoakSeen => ({ kind: 'failed', why: messageOf(error) }),
    );
    this.#last = { seen, atMs: performance.now() };
    return seen;
  }
}
