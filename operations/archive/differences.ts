/** In which ways an archive may differ from the databases. */
export const DIFFERENCES = ['missing', 'extra', 'content', 'decision', 'ledger_only'] as const;
export type DifferenceKind = (typeof DIFFERENCES)[number];

/** Ids that are kept of each kind; all are counted. */
const KEPT = 1_000;

/** Rows that differ, by kind: how many, and the first ids. */
export class Differences {
  /** Equal rows; and rows that the archive has and that were deleted since, as the ledger recorded. */
  same = 0;
  deletedSince = 0;
  /** Rows of the table of which the ledger has a decision. */
  decided = 0;
  readonly #ids = new Map<DifferenceKind, string[]>();
  readonly #counts = new Map<DifferenceKind, number>();

  note(kind: DifferenceKind, id: string): void {
    this.#counts.set(kind, this.count(kind) + 1);
    const ids = this.#ids.get(kind) ?? [];
    if (ids.length < KEPT) ids.push(id);
    this.#ids.set(kind, ids);
  }

  count(kind: DifferenceKind): number {
    return this.#counts.get(kind) ?? 0;
  }

  ids(kind: DifferenceKind): readonly string[] {
    return this.#ids.get(kind) ?? [];
  }

  get total(): number {
    return DIFFERENCES.reduce((sum, kind) => sum + this.count(kind), 0);
  }

  add(other: Differences): void {
    this.same += other.same;
    this.deletedSince += other.deletedSince;
    this.decided += other.decided;
    for (const kind of DIFFERENCES) {
      this.#counts.set(kind, this.count(kind) + other.count(kind));
      this.#ids.set(kind, [...this.ids(kind), ...other.ids(kind)].slice(0, KEPT));
    }
  }
}
