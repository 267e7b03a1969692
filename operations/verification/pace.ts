import type { Config } from '../../lib/config.ts';
import { backlogIn } from '../facts/backlog.ts';
import { gather } from '../facts/gather.ts';
import type { Services } from '../facts/services.ts';
import { DEFAULT_LIMITS, readHealth } from '../snapshot/health.ts';
import { decidePace, whyHeld } from '../snapshot/pace.ts';

/** So many records wait to be projected while history comes: what is projected then is verified afterwards. */
const MOST_RECORDS = 10_000;
/** Once held, it goes on only well below the limit. */
const RELEASE_SHARE = 0.8;
const LOOK_EVERY_MS = 10_000;
const WITHIN_MS = 5_000;

/**
 * Whether the verification yields: while the stream lags, or while the database is as busy as would hold a snapshot back.
 * What cannot be measured holds nothing back.
 */
export class Pace {
  readonly #services: Services;
  readonly #config: Config;
  #heldBy: string | undefined;
  #lookAgainAt = 0;

  constructor(services: Services, config: Config) {
    this.#services = services;
    this.#config = config;
  }

  /** To what it yields; undefined if it may go on. It measures every ten seconds. */
  async heldBy(): Promise<string | undefined> {
    if (performance.now() < this.#lookAgainAt) return this.#heldBy;
    const sources = { services: this.#services, config: this.#config };
    const facts = ['slot', 'load', 'dataTopic', 'projection'] as const;
    const answers = await gather(sources, facts, { withinMs: WITHIN_MS });
    const held = this.#heldBy !== undefined;
    const readings = await readHealth(this.#services.legacy(), answers, { limits: DEFAULT_LIMITS });
    const decision = decidePace(readings, DEFAULT_LIMITS, held);
    const records = Number(backlogIn(answers)?.records ?? 0n);
    const reasons = [
      ...(records > (held ? MOST_RECORDS * RELEASE_SHARE : MOST_RECORDS)
        ? [`${records.toLocaleString('en')} records that wait to be projected`]
        : []),
      ...(decision.kind === 'hold' ? [whyHeld(decision.because)] : []),
    ];
    this.#heldBy = reasons.length === 0 ? undefined : reasons.join(', ');
    this.#lookAgainAt = performance.now() + LOOK_EVERY_MS;
    return this.#heldBy;
  }
}
