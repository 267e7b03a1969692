import { FatalError } from '../../../lib/errors.ts';
import { formatPosition } from '../../../lib/position.ts';
import type { UnusableEvent } from '../record/event.ts';

/** A record that goes to the quarantine, without its bytes. */
export type Parked = Pick<UnusableEvent, 'position' | 'reason' | 'detail'>;

/** What becomes of a record that no key has seen yet: it is parked, or (null) takes effect. */
export type Fate = Parked | null;

/** Whether the breaker has counted the fates of a transaction. */
export type Admitted = 'counted' | undefined;

/** A record that an earlier process has parked and that lies in the window. */
export interface EarlierParked {
  readonly parked: Parked;
  /** How many records were projected behind it, in all partitions. */
  readonly recordsSince: number;
}

export interface BreakerLimits {
  /** Of the window, 0 to 1; 1 switches the breaker off. */
  readonly maxShare: number;
  /** Records. */
  readonly window: number;
}

/**
 * Stops the projector when so much would be quarantined that the cause lies elsewhere than in the records: another
 * registry, another placeholder than the connector's, a changed table. Without it such a topic would flow into the
 * quarantine to its last record, with no more noise than a metric.
 *
 * - The share is that of the last `window` records of this process that took effect or were parked, in all of its
 *   partitions, in the order in which their transactions came up for COMMIT. What a key has seen already is not among
 *   them, so a replay of good history dilutes nothing.
 * - What was parked before the start counts as well, as far as it lies in the window (`breaker-window.ts`). There the
 *   distance is counted in offsets, which is never less than in records: for one projector, a restart never makes the
 *   breaker stricter. With several projectors, one that starts also counts what the others have parked.
 * - Only a record that is newly parked trips it. A transaction that parks nothing passes, whatever the window holds.
 * - The window counts as full from the start: a few bad records at the head of a short stream never stop it.
 * - It is judged before the COMMIT. The transaction that would go over the share is rolled back whole, so its records are
 *   met again at the next start; what was committed before stays.
 * - An admitted transaction has its place in the window before it is committed, or several at once could go over
 *   together. A retry takes the place of its earlier attempt; a transaction that is given up is withdrawn.
 */
export class QuarantineBreaker {
  readonly #limits: BreakerLimits;
  readonly #allowed: number;
  /** By transaction, in the order of admission: as many as the window reaches back. */
  readonly #admitted = new Map<symbol, readonly Fate[]>();
  /** Oldest first; empty once this process alone fills the window. */
  #earlier: readonly EarlierParked[];

  constructor(limits: BreakerLimits, earlier: readonly EarlierParked[] = []) {
    this.#limits = limits;
    this.#earlier = earlier;
    // 0.29 of 100 records are 29, which binary fractions make 28.999999999999996.
    this.#allowed = Math.floor(limits.maxShare * limits.window + 1e-6);
  }

  /**
   * Takes the fates of a transaction, in the order of its records; throws QUARANTINE_BREAKER when they are too many.
   * `counted`: the next process must count them too.
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

  /** What is parked in the first window that a new record makes hold more of it than allowed, oldest first. */
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
      message: `more than ${String(this.#allowed)} of ${String(window)} records would be quarantined (${reasonsOf(parked)})${where}`,
      wayOut: `look for one cause: the schema registry, unavailable.value.placeholder of the connector against UNAVAILABLE_PLACEHOLDER, a change of the table; the records are met again at the next start, and what is parked stays counted until it is retried or waived; QUARANTINE_MAX_SHARE=1 (it is ${String(maxShare)}) lets them all into the quarantine`,
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
