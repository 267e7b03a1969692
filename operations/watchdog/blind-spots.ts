import type { Readiness } from '../../lib/http.ts';
import type { Logger } from '../../lib/log.ts';
import type { Metrics } from '../../lib/metrics.ts';
import type { BlindSpot } from './look.ts';

/** What nobody watches while the service gives no answer. */
export const UNWATCHED: Readonly<Record<BlindSpot, string>> = {
  legacy: 'server, publication and slot of the legacy database are not watched',
  connect: "the slot's position and the connector's task are not watched",
  kafka: 'the topic and what moves are not watched',
  ledger: 'nothing is compared with what was recorded',
};
const ALL = Object.keys(UNWATCHED) as BlindSpot[];

export interface BlindSpotsOptions {
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** A service that was seen before may be silent for this long until it makes the projector unready. */
  readonly afterMs: number;
  /** False for a service that the settings do not name: nobody expects that it is watched. */
  readonly isConfigured: (spot: BlindSpot) => boolean;
  /** A clock in milliseconds that only moves forward. */
  readonly now: () => number;
}

interface Blindness {
  readonly reason: string;
  readonly since: number;
}

/**
 * The services that the watchdog cannot see. It logs once that it cannot see a service, and once that it can see it
 * again. This stops nothing, because the records of the topic can be projected without that service. But meanwhile
 * nobody can tell whether rows are missing from the topic, so the projector is not ready if the service is configured:
 * at once if it was never seen since the start, otherwise after `afterMs`, because one slow answer says nothing.
 */
export class BlindSpots {
  readonly #options: BlindSpotsOptions;
  readonly #blind = new Map<BlindSpot, Blindness>();
  readonly #seen = new Set<BlindSpot>();

  constructor(options: BlindSpotsOptions) {
    this.#options = options;
  }

  readonly readiness: Readiness = () => {
    const now = this.#options.now();
    const long = this.#expected.filter(
      ([spot, { since }]) => !this.#seen.has(spot) || now - since >= this.#options.afterMs,
    );
    if (long.length === 0) return { ready: true };
    return { ready: false, reason: long.map(([spot, { reason }]) => textOf(spot, reason)).join('; ') };
  };

  /** The configured services that the last look could not see, one phrase each. */
  get unseen(): readonly string[] {
    return this.#expected.map(([spot, { reason }]) => textOf(spot, reason));
  }

  get #expected(): readonly (readonly [BlindSpot, Blindness])[] {
    return [...this.#blind].filter(([spot]) => this.#options.isConfigured(spot));
  }

  show(blind: ReadonlyMap<BlindSpot, string>): void {
    const { metrics, logger, now } = this.#options;
    for (const spot of ALL) {
      const reason = blind.get(spot);
      const before = this.#blind.get(spot);
      metrics.watchdogBlind.set({ service: spot }, reason === undefined ? 0 : 1);
      if (reason !== undefined) {
        this.#blind.set(spot, { reason, since: before?.since ?? now() });
        if (before === undefined) logger.warn({ blind: spot, reason }, textOf(spot));
        continue;
      }
      this.#seen.add(spot);
      if (this.#blind.delete(spot)) logger.info({ blind: spot }, 'the watchdog sees again');
    }
  }
}

function textOf(spot: BlindSpot, reason?: string): string {
  return `the watchdog cannot see: ${UNWATCHED[spot]}${reason === undefined ? '' : ` (${reason})`}`;
}
