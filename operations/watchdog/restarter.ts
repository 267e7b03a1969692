import type { Config } from '../../lib/config.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Readiness } from '../../lib/http.ts';
import type { Logger } from '../../lib/log.ts';
import type { Metrics } from '../../lib/metrics.ts';
import type { Services } from '../facts/services.ts';
import { summarizeTrace } from '../checks/liveness.ts';
import type { Failure, Look } from './look.ts';
import { claimRestart } from './restarts.ts';

export interface RestarterOptions {
  readonly config: Pick<Config, 'CONNECTOR_NAME' | 'WATCHDOG_SECONDS' | 'WATCHDOG_RESTARTS'>;
  readonly services: Pick<Services, 'connect' | 'canonical'>;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** The reasons why a failed connector is not restarted. */
type Left = 'used_up' | 'off' | 'unseen';

const REASONS: Readonly<Record<Left, string>> = {
  used_up:
    'the connector has failed, and its restarts are used up; `history-cdc connector status` tells more',
  off: 'the connector has failed; `history-cdc connector status` tells more',
  unseen:
    'the connector has failed, and is not restarted, because its slot and its stored offset cannot be seen',
};

/**
 * Restarts a connector whose task has failed, because nothing else does. It does so only if the slot exists and is not
 * ahead of the stored offset. A task that failed because its slot was replaced would otherwise continue after the gap.
 */
export class Restarter {
  readonly #options: RestarterOptions;
  #left: Left | undefined;

  constructor(options: RestarterOptions) {
    this.#options = options;
  }

  readonly readiness: Readiness = () =>
    this.#left === undefined ? { ready: true } : { ready: false, reason: REASONS[this.#left] };

  /** Called after a look that found no break. */
  async consider({ failure, present }: Look): Promise<void> {
    if (failure === undefined) return;
    if (failure === null) {
      this.#leave(undefined);
      return;
    }
    const { config, services } = this.#options;
    if (config.WATCHDOG_RESTARTS === 0) this.#leave('off', failure);
    else if (present.slot == null || present.position === undefined) this.#leave('unseen', failure);
    else {
      const bounds = { cap: config.WATCHDOG_RESTARTS, pauseMs: config.WATCHDOG_SECONDS * 1000 };
      const verdict = await claimRestart(services.canonical(), config.CONNECTOR_NAME, bounds);
      if (verdict === 'now') await this.#restart(failure);
      this.#leave(verdict === 'used_up' ? verdict : undefined, failure);
    }
  }

  async #restart({ what, trace }: Failure): Promise<void> {
    const { services, config, logger, metrics } = this.#options;
    logger.warn({ what, reason: summarizeTrace(trace) }, 'the connector has failed; it is restarted');
    metrics.connectorRestarts.inc();
    await services
      .connect()
      .restartFailed(config.CONNECTOR_NAME)
      .catch((error: unknown) => {
        logger.warn({ reason: messageOf(error) }, 'the connector could not be restarted');
      });
  }

  #leave(left: Left | undefined, failure?: Failure): void {
    const { logger } = this.#options;
    if (left !== undefined && left !== this.#left) {
      logger.error({ what: failure?.what, reason: summarizeTrace(failure?.trace ?? '') }, REASONS[left]);
    }
    if (left === undefined && this.#left !== undefined) logger.info('the connector is no longer given up');
    this.#left = left;
  }
}
