import { FatalError } from '../lib/errors.ts';
import { formatPosition } from '../lib/position.ts';
import type { UnusableEvent } from './event.ts';

/** A record that goes to the quarantine, without its bytes. */
export type Parked = Pick<UnusableEvent, 'position' | 'reason' | 'detail'>;

/** What becomes of a record that no key has seen yet: it is parked, or (null) takes effect. */
export type Fate = Parked | null;

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

  constructor(limits: BreakerLimits) {
    this.#limits = limits;
    // 0.29 of 100 records are 29, which binary fractions make 28.999999999999996.
    this.#allowed = Math.floor(limits.maxShare * limits.window + 1e-6);
  }

  /** Takes the fates of a transaction, in the order of its records; throws QUARANTINE_BREAKER when they are too many. */
  admit(transaction: symbol, fates: readonly Fate[]): void {
    if (this.#limits.maxShare === 1) return;
    this.withdraw(transaction);
    const excess = this.#excess([...this.#admitted.values(), fates]);
    if (excess !== undefined) throw this.#tripped(excess);
    this.#admitted.set(transaction, fates);
    this.#forget();
  }

  withdraw(transaction: symbol): void {
    this.#admitted.delete(transaction);
  }

  /** What is parked in the first window that holds more of it than allowed, oldest first. */
  #excess(transactions: readonly (readonly Fate[])[]): readonly Parked[] | undefined {
    const inWindow: { readonly at: number; readonly parked: Parked }[] = [];
    let at = 0;
    for (const fate of transactions.flat()) {
      at++;
      if (fate === null) continue;
      inWindow.push({ at, parked: fate });
      while (inWindow[0] !== undefined && inWindow[0].at <= at - this.#limits.window) inWindow.shift();
      if (inWindow.length > this.#allowed) return inWindow.map(({ parked }) => parked);
    }
    return undefined;
  }

  #forget(): void {
    let newer = 0;
    for (const [transaction, fates] of [...this.#admitted].reverse()) {
      if (newer >= this.#limits.window) this.#admitted.delete(transaction);
      newer += fates.length;
    }
  }

  #tripped(parked: readonly Parked[]): FatalError {
    const { window, maxShare } = this.#limits;
    const last = parked.at(-1);
    const where = last === undefined ? '' : `; the last is ${formatPosition(last.position)}: ${last.detail}`;
    return new FatalError({
      code: 'QUARANTINE_BREAKER',
      message: `more than ${String(this.#allowed)} of ${String(window)} records would be quarantined (${reasonsOf(parked)})${where}`,
      wayOut: `look for one cause: the schema registry, unavailable.value.placeholder of the connector against UNAVAILABLE_PLACEHOLDER, a change of the table; the records are met again at the next start, and QUARANTINE_MAX_SHARE=1 (it is ${String(maxShare)}) lets them all into the quarantine`,
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
