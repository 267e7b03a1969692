/**
 * Limits the rows of a transaction after one ran out of time: first to half as many, then to an eighth more after each
 * success. The limit grows slowly, because each transaction that is too large wastes its whole time limit.
 */
export class RowsAtOnce {
  readonly #bound: number;
  #rows = Number.POSITIVE_INFINITY;

  constructor(bound: number) {
    this.#bound = bound;
  }

  get rows(): number {
    return this.#rows;
  }

  /** True after a transaction ran out of time, until the limit has grown back. */
  get isReduced(): boolean {
    return Number.isFinite(this.#rows);
  }

  ranOutOfTime(rows: number): void {
    this.#rows = Math.ceil(rows / 2);
  }

  passed(): void {
    if (!this.isReduced) return;
    this.#rows += Math.ceil(this.#rows / 8);
    if (this.#rows >= this.#bound) this.#rows = Number.POSITIVE_INFINITY;
  }
}
