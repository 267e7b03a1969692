import type { LegacyRun } from './match-twin.ts';

/** A run whose cluster is to be read. */
export interface Seed {
  readonly agentUrl: string;
  readonly fingerprint: string;
  readonly atUs: bigint;
  /** The run itself, if it is not in the ledger yet. */
  readonly pending: LegacyRun | null;
}

/** A stretch of time for one agent and fingerprint, and the seeds in it. */
export interface Stretch {
  readonly agentUrl: string;
  readonly fingerprint: string;
  readonly fromUs: bigint;
  readonly toUs: bigint;
  readonly seeds: readonly Seed[];
}

interface Timed {
  readonly atUs: bigint;
}

/** Match windows to read on either side of a seed. A twin, its neighbours and the gap after them usually fit. */
const REACH = 3n;

export function stretchesAround(seeds: readonly Seed[], windowUs: bigint): Stretch[] {
  const reachUs = REACH * windowUs;
  return merged(
    seeds.map((seed) => ({
      agentUrl: seed.agentUrl,
      fingerprint: seed.fingerprint,
      fromUs: seed.atUs - reachUs,
      toUs: seed.atUs + reachUs,
      seeds: [seed],
    })),
  );
}

/** Rows and seeds, each within the match window of the next, with no other row within the window of any of them. */
export interface Island<Row> {
  readonly agentUrl: string;
  readonly rows: readonly Row[];
  readonly seeds: readonly Seed[];
}

/**
 * Returns the islands with seeds, of stretches that were read far enough, and the other stretches, made longer by their
 * length on each side that was too short. So a long chain of runs is read a few times, and not once per window.
 */
export function islandsOf<Row extends Timed>(
  read: readonly { readonly stretch: Stretch; readonly rows: readonly Row[] }[],
  windowUs: bigint,
): { readonly islands: Island<Row>[]; readonly tooShort: Stretch[] } {
  const islands: Island<Row>[] = [];
  const tooShort: Stretch[] = [];
  for (const { stretch, rows } of read) {
    const groups = neighbours([...rows.map(rowPoint), ...stretch.seeds.map(seedPoint)], windowUs).filter(
      (points) => points.some(({ seed }) => seed !== null),
    );
    const longer = lengthened(stretch, groups, windowUs);
    if (longer !== stretch) {
      tooShort.push(longer);
      continue;
    }
    for (const points of groups) {
      islands.push({
        agentUrl: stretch.agentUrl,
        rows: points.flatMap(({ row }) => (row === null ? [] : [row])),
        seeds: points.flatMap(({ seed }) => (seed === null ? [] : [seed])),
      });
    }
  }
  return { islands, tooShort: merged(tooShort) };
}

interface Point<Row> extends Timed {
  readonly row: Row | null;
  readonly seed: Seed | null;
}

function rowPoint<Row extends Timed>(row: Row): Point<Row> {
  return { atUs: row.atUs, row, seed: null };
}

function seedPoint(seed: Seed): Point<never> {
  return { atUs: seed.atUs, row: null, seed };
}

/** Splits points wherever more than a window lies between two of them. */
function neighbours<Row>(points: Point<Row>[], windowUs: bigint): Point<Row>[][] {
  const groups: Point<Row>[][] = [];
  let last: Point<Row> | undefined;
  for (const point of points.sort(byTime)) {
    if (last === undefined || point.atUs - last.atUs > windowUs) groups.push([point]);
    else groups.at(-1)?.push(point);
    last = point;
  }
  return groups;
}

/** The stretch itself, if no row outside of it can belong to one of its groups. */
function lengthened(stretch: Stretch, groups: readonly (readonly Timed[])[], windowUs: bigint): Stretch {
  const first = groups[0]?.[0]?.atUs ?? stretch.toUs;
  const last = groups.at(-1)?.at(-1)?.atUs ?? stretch.fromUs;
  const lengthUs = stretch.toUs - stretch.fromUs;
  const fromUs = first - windowUs < stretch.fromUs ? stretch.fromUs - lengthUs : stretch.fromUs;
  const toUs = last + windowUs > stretch.toUs ? stretch.toUs + lengthUs : stretch.toUs;
  return fromUs === stretch.fromUs && toUs === stretch.toUs ? stretch : { ...stretch, fromUs, toUs };
}

/** Merges overlapping stretches of one agent and fingerprint, so that no row is read twice. */
function merged(stretches: readonly Stretch[]): Stretch[] {
  const byRuns = new Map<string, Stretch[]>();
  for (const stretch of stretches) {
    const key = `${stretch.fingerprint} ${stretch.agentUrl}`;
    const group = byRuns.get(key);
    if (group === undefined) byRuns.set(key, [stretch]);
    else group.push(stretch);
  }
  return [...byRuns.values()].flatMap(mergedOfOne);
}

function mergedOfOne(stretches: Stretch[]): Stretch[] {
  const result: Stretch[] = [];
  for (const stretch of stretches.sort((a, b) => compare(a.fromUs, b.fromUs))) {
    const last = result.at(-1);
    if (last === undefined || stretch.fromUs > last.toUs) result.push(stretch);
    else result[result.length - 1] = joined(last, stretch);
  }
  return result;
}

function joined(a: Stretch, b: Stretch): Stretch {
  return { ...a, toUs: a.toUs > b.toUs ? a.toUs : b.toUs, seeds: [...a.seeds, ...b.seeds] };
}

function byTime(a: Timed, b: Timed): number {
  return compare(a.atUs, b.atUs);
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
