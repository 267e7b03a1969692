/** A run of either side. */
export interface Side {
  readonly id: string;
  /** Microseconds. */
  readonly atUs: number;
}

/**
 * Every pairing there is, tried out: what the definition says, and nothing clever. As many pairs as possible; among
 * those the least total distance; among those the one in which the earliest legacy row has the earliest live row, and
 * so on (by time, then id). Live id by legacy id.
 */
export function pairsByDefinition<A extends Side, X extends Side>(
  legacy: readonly A[],
  live: readonly X[],
  areTwins: (a: A, x: X) => boolean,
): Record<string, string> {
  const rows = [...legacy].sort(byTimeAndId);
  const runs = [...live].sort(byTimeAndId);
  let best: Pairing | undefined;
  const walk = (index: number, digits: readonly number[]) => {
    const row = rows[index];
    if (row === undefined) {
      const pairing = measured(digits, rows, runs);
      if (best === undefined || isBetter(pairing, best)) best = pairing;
      return;
    }
    runs.forEach((run, digit) => {
      if (!digits.includes(digit) && areTwins(row, run)) walk(index + 1, [...digits, digit]);
    });
    // Alone counts as behind the last live row.
    walk(index + 1, [...digits, runs.length]);
  };
  walk(0, []);
  return Object.fromEntries(
    (best?.digits ?? []).flatMap((digit, index) => {
      const [row, run] = [rows[index], runs[digit]];
      return row === undefined || run === undefined ? [] : [[row.id, run.id]];
    }),
  );
}

/** For each legacy row in order, the place of its live row. */
interface Pairing {
  readonly digits: readonly number[];
  readonly pairs: number;
  readonly distanceUs: number;
}

function measured(digits: readonly number[], rows: readonly Side[], runs: readonly Side[]): Pairing {
  let [pairs, distanceUs] = [0, 0];
  for (const [index, digit] of digits.entries()) {
    const [row, run] = [rows[index], runs[digit]];
    if (row === undefined || run === undefined) continue;
    pairs++;
    distanceUs += Math.abs(row.atUs - run.atUs);
  }
  return { digits, pairs, distanceUs };
}

function isBetter(one: Pairing, best: Pairing): boolean {
  if (one.pairs !== best.pairs) return one.pairs > best.pairs;
  if (one.distanceUs !== best.distanceUs) return one.distanceUs < best.distanceUs;
  const at = one.digits.findIndex((digit, index) => digit !== best.digits[index]);
  return at >= 0 && (one.digits[at] ?? 0) < (best.digits[at] ?? 0);
}

function byTimeAndId(a: Side, b: Side): number {
  return a.atUs - b.atUs || (a.id < b.id ? -1 : 1);
}
