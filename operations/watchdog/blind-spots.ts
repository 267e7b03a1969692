import type { Logger } from '../../lib/log.ts';
import type { Metrics } from '../../lib/metrics.ts';
import type { BlindSpot } from './look.ts';

/** What is not watched while a service gives no answer. */
export const UNWATCHED: Readonly<Record<BlindSpot, string>> = {
  legacy: 'server, publication and slot of the legacy database are not watched',
  connect: "the slot's position and the connector's task are not watched",
  kafka: 'the topic and what moves are not watched',
  ledger: 'nothing is compared with what was recorded',
};
const ALL = Object.keys(UNWATCHED) as BlindSpot[];

/** Says once what cannot be seen, and once that it can be seen again. */
export class BlindSpots {
  readonly #logger: Logger;
  readonly #metrics: Metrics;
  readonly #known = new Set<BlindSpot>();

  constructor(logger: Logger, metrics: Metrics) {
    this.#logger = logger;
    this.#metrics = metrics;
  }

  show(blind: ReadonlyMap<BlindSpot, string>): void {
    for (const spot of ALL) {
      const reason = blind.get(spot);
      this.#metrics.watchdogBlind.set({ service: spot }, reason === undefined ? 0 : 1);
      if (reason !== undefined && !this.#known.has(spot)) {
        this.#known.add(spot);
        this.#logger.warn({ service: spot, reason }, `the watchdog cannot see: ${UNWATCHED[spot]}`);
      }
      if (reason === undefined && this.#known.delete(spot))
        this.#logger.info({ service: spot }, 'the watchdog sees again');
    }
  }
}
