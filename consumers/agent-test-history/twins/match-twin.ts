/**
 * Says which live row is the twin of which legacy row, for one agent. It is a pure function of the rows and the settled
 * links, so neither the order of arrival nor a crash can change the answer. It pairs as many rows as possible. Among
 * those pairings it takes the one with the least total distance in time; among those, the one in which the earliest
 * legacy row has the earliest live row, and so on (ties by time, legacy id, live id). Pairing the nearest rows first
 * would not be enough: in a chain a-x-b-y, where each row reaches only the next, it would leave rows without a partner
 * that have one.
 */
import { isWeak } from '../rule/fingerprint.ts';
import { pairCluster, type Edge } from './pair-cluster.ts';

export interface LegacyRun {
  readonly legacyId: string;
  readonly startedAtUs: bigint;
  readonly fingerprint: string;
  /** Null if there is no profile. */
  readonly profileHash: string | null;
  readonly organizationId: string;
}

export interface LiveRun {
  readonly runId: string;
  readonly testedAtUs: bigint;
  readonly fingerprint: string;
  readonly profileHash: string | null;
  /** Null in rows of application releases that did not record it. */
  readonly organizationId: string | null;
}

export interface Rows {
  readonly legacy: readonly LegacyRun[];
  readonly live: readonly LiveRun[];
  /** The settled links: live run id by legacy id. Neither side is paired with another row. */
  readonly settled: ReadonlyMap<string, string>;
}

export interface Twins {
  /** The new pairs: live run id by legacy id. Settled links are not among them. */
  readonly pairs: ReadonlyMap<string, string>;
  /** Legacy ids with a live row nearby whose fingerprint is too weak to tell whether they are one run. */
  readonly suspected: ReadonlyMap<string, readonly string[]>;
}

export type Likeness = 'twin' | 'weak' | 'different';

/** Compares a legacy row and a live row of one agent. The match window is symmetric and inclusive. */
export function likeness(legacy: LegacyRun, live: LiveRun, windowUs: bigint): Likeness {
  const different =
    distanceUs(legacy, live) > windowUs ||
    legacy.fingerprint !== live.fingerprint ||
    (live.organizationId !== null && live.organizationId !== legacy.organizationId) ||
    (legacy.profileHash !== null && live.profileHash !== null && legacy.profileHash !== live.profileHash);
  if (different) return 'different';
  const unconfirmed = legacy.profileHash === null || live.profileHash === null;
  return isWeak(legacy.fingerprint) && unconfirmed ? 'weak' : 'twin';
}

export function matchTwins(rows: Rows, windowUs: bigint): Twins {
  const taken = new Set(rows.settled.values());
  const legacy = rows.legacy.filter(({ legacyId }) => !rows.settled.has(legacyId)).sort(byTimeAndLegacyId);
  const live = rows.live.filter(({ runId }) => !taken.has(runId)).sort(byTimeAndRunId);
  const { edges, weak } = compare(legacy, live, windowUs);
  const pairs = new Map<string, string>();
  for (const edge of clustersOf(edges).flatMap(pairCluster)) {
    const [left, right] = [legacy[edge.legacy], live[edge.live]];
    if (left !== undefined && right !== undefined) pairs.set(left.legacyId, right.runId);
  }
  return { pairs, suspected: suspects(weak, pairs) };
}

interface Compared {
  readonly edges: readonly Edge[];
  /** Pairs that do not differ, but that only an equal profile could confirm. */
  readonly weak: readonly { readonly legacyId: string; readonly runId: string }[];
}

/** Compares each legacy row with the live rows within the match window. Both sides are sorted by time. */
function compare(legacy: readonly LegacyRun[], live: readonly LiveRun[], windowUs: bigint): Compared {
  const edges: Edge[] = [];
  const weak: { legacyId: string; runId: string }[] = [];
  let firstInReach = 0;
  legacy.forEach((left, legacyIndex) => {
    while ((live[firstInReach]?.testedAtUs ?? left.startedAtUs) < left.startedAtUs - windowUs) firstInReach++;
    for (let liveIndex = firstInReach; liveIndex < live.length; liveIndex++) {
      const right = live[liveIndex];
      if (right === undefined || right.testedAtUs > left.startedAtUs + windowUs) break;
      const verdict = likeness(left, right, windowUs);
      if (verdict === 'twin')
        edges.push({ legacy: legacyIndex, live: liveIndex, distanceUs: distanceUs(left, right) });
      if (verdict === 'weak') weak.push({ legacyId: left.legacyId, runId: right.runId });
    }
  });
  return { edges, weak };
}

/** Splits the edges into connected clusters. Rows of different clusters cannot influence each other's pairs. */
function clustersOf(edges: readonly Edge[]): Edge[][] {
  const rootOf = new Map<string, string>();
  const find = (node: string): string => {
    let root = node;
    for (let next = rootOf.get(root); next !== undefined && next !== root; next = rootOf.get(root))
      root = next;
    rootOf.set(node, root);
    return root;
  };
  for (const { legacy, live } of edges)
    rootOf.set(find(`legacy ${String(legacy)}`), find(`live ${String(live)}`));
  const clusters = new Map<string, Edge[]>();
  for (const edge of edges) {
    const root = find(`legacy ${String(edge.legacy)}`);
    const cluster = clusters.get(root);
    if (cluster === undefined) clusters.set(root, [edge]);
    else cluster.push(edge);
  }
  return [...clusters.values()];
}

/** Legacy rows that stay unpaired beside an unpaired live row, only because their fingerprint is weak. */
function suspects(weak: Compared['weak'], pairs: ReadonlyMap<string, string>): Map<string, string[]> {
  const taken = new Set(pairs.values());
  const suspected = new Map<string, string[]>();
  for (const { legacyId, runId } of weak) {
    if (pairs.has(legacyId) || taken.has(runId)) continue;
    const runIds = suspected.get(legacyId);
    if (runIds === undefined) suspected.set(legacyId, [runId]);
    else runIds.push(runId);
  }
  return suspected;
}

function distanceUs(legacy: LegacyRun, live: LiveRun): bigint {
  const difference = legacy.startedAtUs - live.testedAtUs;
  return difference < 0n ? -difference : difference;
}

function byTimeAndLegacyId(a: LegacyRun, b: LegacyRun): number {
  return order(a.startedAtUs, b.startedAtUs) || order(a.legacyId, b.legacyId);
}

function byTimeAndRunId(a: LiveRun, b: LiveRun): number {
  return order(a.testedAtUs, b.testedAtUs) || order(a.runId, b.runId);
}

function order<T extends bigint | string>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
