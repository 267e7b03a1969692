import { pairByPaths } from './pair-by-paths.ts';

/**
 * A legacy row and a live row that may be twins. Each is given by its index among the rows of its side, by time and id.
 */
export interface Edge {
  readonly legacy: number;
  readonly live: number;
  readonly distanceUs: bigint;
}

/**
 * The best pairing of one connected cluster, as `match-twin.ts` defines it. Nearly every cluster is a single pair. If
 * each legacy row may be paired with every live row in its reach, no two pairs need to cross. The time is then linear
 * in the number of edges: a thousand identical runs in a row take milliseconds. Other clusters, in which runs with and
 * without a profile are mixed, are small.
 */
export function pairCluster(cluster: readonly Edge[]): Edge[] {
  const [only] = cluster;
  if (only !== undefined && cluster.length === 1) return [only];
  const rows = rowsOf(cluster);
  return isUniform(rows) ? pairInOrder(rows) : pairByPaths(cluster);
}

/** An edge, with the index of its live row within the cluster. */
interface Placed {
  readonly edge: Edge;
  readonly place: number;
}

/** The edges grouped by legacy row, both sides in order. */
function rowsOf(cluster: readonly Edge[]): Placed[][] {
  const lives = [...new Set(cluster.map(({ live }) => live))].sort((a, b) => a - b);
  const placeOf = new Map(lives.map((live, place) => [live, place]));
  const rows = new Map<number, Placed[]>();
  for (const edge of cluster) {
    const placed = { edge, place: placeOf.get(edge.live) ?? 0 };
    const row = rows.get(edge.legacy);
    if (row === undefined) rows.set(edge.legacy, [placed]);
    else row.push(placed);
  }
  return [...rows.entries()]
    .sort(([a], [b]) => a - b)
    .map(([, row]) => row.sort((a, b) => a.place - b.place));
}

/**
 * True if each legacy row reaches consecutive live rows, and first and last of them rise with the legacy rows. Then two
 * pairs that cross can always be uncrossed, without losing a pair and without more distance.
 */
function isUniform(rows: readonly (readonly Placed[])[]): boolean {
  let [from, to] = [0, 0];
  for (const row of rows) {
    const [first = 0, last = 0] = [row[0]?.place, row.at(-1)?.place];
    if (last - first + 1 !== row.length || first < from || last < to) return false;
    [from, to] = [first, last];
  }
  return true;
}

/**
 * Pairs without crossings, by dynamic programming. Backwards over the legacy rows, it computes the best result of the
 * remaining rows for each live row at which they may begin. Then it reads the pairs off forwards. Among equally good
 * live rows it takes the earliest.
 */
function pairInOrder(rows: readonly (readonly Placed[])[]): Edge[] {
  const rest = new Rest(rows);
  const paired: Edge[] = [];
  let free = 0;
  rows.forEach((row, index) => {
    const goal = rest.best(index, free);
    const chosen = row.find(
      (placed) => placed.place >= free && compareBest(rest.withPair(index, placed), goal) === 0,
    );
    if (chosen === undefined) return;
    paired.push(chosen.edge);
    free = chosen.place + 1;
  });
  return paired;
}

/** A result: the number of pairs, and their total distance. */
interface Best {
  readonly pairs: number;
  readonly distanceUs: bigint;
}
const NOTHING: Best = { pairs: 0, distanceUs: 0n };

/** For a legacy row and all later ones: the best result with the live rows from a given index on. */
class Rest {
  readonly #firsts: readonly number[];
  readonly #lasts: readonly number[];
  /** The next legacy row that reaches further. The rows before it add nothing beyond their last live row. */
  readonly #further: number[] = [];
  readonly #tables: Best[][] = [];

  constructor(rows: readonly (readonly Placed[])[]) {
    this.#firsts = rows.map((row) => row[0]?.place ?? 0);
    this.#lasts = rows.map((row) => row.at(-1)?.place ?? 0);
    for (let index = rows.length - 1; index >= 0; index--) {
      const next = index + 1;
      this.#further[index] = this.#lasts[next] === this.#lasts[index] ? (this.#further[next] ?? next) : next;
      this.#tables[index] = this.#table(index, rows[index] ?? []);
    }
  }

  best(index: number, place: number): Best {
    let at = index;
    while (place > (this.#lasts[at] ?? Infinity)) at = this.#further[at] ?? at + 1;
    return this.#tables[at]?.[Math.max(0, place - (this.#firsts[at] ?? 0))] ?? NOTHING;
  }

  /** The best result of the rows from `index` on, if the first of them takes this edge. */
  withPair(index: number, { place, edge }: Placed): Best {
    const after = this.best(index + 1, place + 1);
    return { pairs: after.pairs + 1, distanceUs: after.distanceUs + edge.distanceUs };
  }

  #table(index: number, row: readonly Placed[]): Best[] {
    const table: Best[] = [];
    for (const [at, placed] of [...row.entries()].reverse()) {
      const unpaired = this.best(index + 1, placed.place);
      const choices = [unpaired, table[at + 1] ?? unpaired, this.withPair(index, placed)];
      table[at] = choices.reduce((best, one) => (compareBest(one, best) < 0 ? one : best));
    }
    return table;
  }
}

/** Negative if `a` is better. More pairs are better; with as many pairs, less distance is better. */
function compareBest(a: Best, b: Best): number {
  return b.pairs - a.pairs || (a.distanceUs < b.distanceUs ? -1 : a.distanceUs > b.distanceUs ? 1 : 0);
}
