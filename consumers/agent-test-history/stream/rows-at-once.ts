/**
 * How many rows a transaction takes where the last one ran out of time: half as many, and after each that passes an eighth
 * more. Slowly, because each transaction that is too large for the time it has costs all of that time.
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

  /** True from a transaction that ran out of time until the size has grown back. */
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
