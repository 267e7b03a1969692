import { FatalError } from '../../../lib/errors.ts';
import { formatPosition } from '../../../lib/position.ts';
import type { UnusableEvent } from '../record/event.ts';

/** A record that goes to quarantine, without its bytes. */
export type Parked = Pick<UnusableEvent, 'position' | 'reason' | 'detail'>;

/** What becomes of a record that is new to its key: it is parked, or it takes effect (null). */
export type Fate = Parked | null;

/** Says whether the breaker has counted the fates of a transaction. */
export type Admitted = 'counted' | undefined;

/** A record in the window that an earlier process has parked. */
export interface EarlierParked {
  readonly parked: Parked;
  /** The number of records that were projected after it, in all partitions. */
  readonly recordsSince: number;
}

export interface BreakerLimits {
  /** The share of the window that may be parked, from 0 to 1. 1 switches the breaker off. */
  readonly maxShare: number;
  /** The length of the window, in records. */
  readonly window: number;
}

/**
 * Stops the projector when too many of the last records would be quarantined. Then the cause is usually not in the
 * records: a wrong registry, a placeholder that differs from the connector's, a changed table. Without the breaker,
 * every record of such a topic would go to quarantine, and only a metric would show it.
 *
 * - The window holds the last `window` records of this process that took effect or were parked, in all of its
 *   partitions, in the order in which their transactions reached COMMIT. Records that a key had seen already do not
 *   count, so a replay of good history does not dilute the share.
 * - Records that were parked before the start count too, if they are in the window (`breaker-window.ts`). Their
 *   distance is counted in offsets, which is never less than the distance in records. So with one projector, a restart
 *   never makes the breaker stricter. With several projectors, one that starts also counts what the others have parked.
 * - Only a newly parked record trips the breaker. A transaction that parks nothing always passes.
 * - The window counts as full from the start, so a few bad records at the beginning of a short stream do not stop it.
 * - The breaker decides before the COMMIT. The transaction that would exceed the share is rolled back, so its records
 *   are read again at the next start. Earlier commits stay.
 * - A transaction gets its place in the window before it is committed. Otherwise several transactions at once could
 *   exceed the share together. A retry takes the place of its earlier attempt; a transaction that is given up loses its
 *   place.
 */
export class QuarantineBreaker {
  readonly #limits: BreakerLimits;
  readonly #allowed: number;
  /** The admitted transactions that are still in the window, in the order of admission. */
  readonly #admitted = new Map<symbol, readonly Fate[]>();
  /** The oldest first. Empty once the records of this process fill the window. */
  #earlier: readonly EarlierParked[];

  constructor(limits: BreakerLimits, earlier: readonly EarlierParked[] = []) {
    this.#limits = limits;
    this.#earlier = earlier;
    // 0.29 * 100 is 28.999999999999996 in floating point, and must count as 29.
    this.#allowed = Math.floor(limits.maxShare * limits.window + 1e-6);
  }

  /**
   * Takes the fates of a transaction, in the order of its records. Throws QUARANTINE_BREAKER if too many are parked.
   * If `counted`, the next process must count them too.
   */
  admit(transaction: symbol, fates: readonly Fate[]): Admitted {
    if (this.#limits.maxShare === 1) return undefined;
    this.withdraw(transaction);
    const excess = this.#excess(fates);
    if (excess !== undefined) throw this.#tripped(excess);
    this.#admitted.set(transaction, fates);
    this.#forget();
    return 'counted';
  }

  withdraw(transaction: symbol): void {
    this.#admitted.delete(transaction);
  }

  /** The parked records of the first window in which a new record exceeds the allowed number, oldest first. */
  #excess(fates: readonly Fate[]): readonly Parked[] | undefined {
    const before = [...this.#admitted.values()].flat();
    const inWindow = this.#earlier.map(({ parked, recordsSince }) => ({ at: -recordsSince, parked }));
    let at = 0;
    for (const fate of [...before, ...fates]) {
      at++;
      if (fate === null) continue;
      inWindow.push({ at, parked: fate });
      while (inWindow[0] !== undefined && inWindow[0].at <= at - this.#limits.window) inWindow.shift();
      if (at > before.length && inWindow.length > this.#allowed) return inWindow.map(({ parked }) => parked);
    }
    return undefined;
  }

  #forget(): void {
    let newer = 0;
    for (const [transaction, fates] of [...this.#admitted].reverse()) {
      if (newer >= this.#limits.window) this.#admitted.delete(transaction);
      newer += fates.length;
    }
    if (newer >= this.#limits.window) this.#earlier = [];
  }

  #tripped(parked: readonly Parked[]): FatalError {
    const { window, maxShare } = this.#limits;
    const last = parked.at(-1);
    const where = last === undefined ? '' : `; the last is ${formatPosition(last.position)}: ${last.detail}`;
    return new FatalError({
      code: 'QUARANTINE_BREAKER',
      message: `more than ${String(this.#allowed)} of ${String(window)} records would be quarantined: ${reasonsOf(parked)}${where}`,
      wayOut: `look for one common cause: the schema registry is wrong, the connector's unavailable.value.placeholder differs from UNAVAILABLE_PLACEHOLDER, or the table was changed. Nothing was skipped: the next start reads these records again. Parked records count until they are retried or waived. To let all of them into quarantine, set QUARANTINE_MAX_SHARE=1 (it is ${String(maxShare)})`,
      facts: {
        reason: last?.reason,
        partition: last?.position.partition,
        offset: last === undefined ? undefined : String(last.position.offset),
      },
    });
  }
}

function reasonsOf(parked: readonly Parked[]): string {
  const counts = new Map<string, number>();
  for (const { reason } of parked) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts].map(([reason, count]) => `${reason} ${String(count)}`).join(', ');
}
