/**
 * Which live row is the twin of which legacy row, for one agent: a pure function of the rows alone, so that neither
 * the order of arrival nor a crash can change the answer. As many rows as possible are paired; among those pairings
 * the one with the least total distance in time; among those, the one in which the earliest legacy row has the
 * earliest live row, and so on (ties by time, legacy id, live id). Chains occur (a-x-b-y, each in reach of the next
 * only), so nearest-first is not enough: it would leave rows unpaired that have a partner.
 */
export interface LegacyRun {
  readonly legacyId: string;
  readonly startedAtUs: bigint;
  readonly summary: string | null;
  readonly totalDurationMs: number | null;
  readonly overallPassed: boolean;
  /** Postgres's own jsonb text; null where there is none, and for a JSON null. */
  readonly agentProfile: string | null;
  readonly organizationId: string;
}

export interface LiveRun {
  readonly runId: string;
  readonly testedAtUs: bigint;
  readonly headline: string | null;
  readonly totalDurationMs: number | null;
  /** `partial` is not passing. */
  readonly passing: boolean;
  readonly agentProfile: string | null;
  /** Null in rows of releases that did not record it. */
  readonly organizationId: string | null;
}

export interface Twins {
  /** Live run id by legacy id. */
  readonly pairs: ReadonlyMap<string, string>;
  /** Legacy ids that a live row is near to, but whose fingerprint is too weak to say so. */
  readonly suspected: ReadonlyMap<string, readonly string[]>;
}

export type Likeness = 'twin' | 'weak' | 'different';

/** How a legacy row and a live row of one agent look beside each other. The window is symmetric and inclusive. */
export function likeness(legacy: LegacyRun, live: LiveRun, windowUs: bigint): Likeness {
  const distance = distanceUs(legacy, live);
  const different =
    distance > windowUs ||
    legacy.summary !== live.headline ||
    duration(legacy) !== duration(live) ||
    legacy.overallPassed !== live.passing ||
    (live.organizationId !== null && live.organizationId !== legacy.organizationId) ||
    (legacy.agentProfile !== null && live.agentProfile !== null && legacy.agentProfile !== live.agentProfile);
  if (different) return 'different';
  const weak = legacy.summary === null && duration(legacy) === null;
  return weak && (legacy.agentProfile === null || live.agentProfile === null) ? 'weak' : 'twin';
}

export function matchTwins(legacy: readonly LegacyRun[], live: readonly LiveRun[], windowUs: bigint): Twins {
  const legacySorted = [...legacy].sort(
    (a, b) => order(a.startedAtUs, b.startedAtUs) || text(a.legacyId, b.legacyId),
  );
  const liveSorted = [...live].sort((a, b) => order(a.testedAtUs, b.testedAtUs) || text(a.runId, b.runId));
  const { edges, weak } = compare(legacySorted, liveSorted, windowUs);
  const pairs = new Map<string, string>();
  for (const cluster of clustersOf(edges)) {
    for (const { legacyIndex, liveIndex } of pairCluster(cluster)) {
      const left = legacySorted[legacyIndex];
      const right = liveSorted[liveIndex];
      if (left !== undefined && right !== undefined) pairs.set(left.legacyId, right.runId);
    }
  }
  return { pairs, suspected: suspects(weak, pairs) };
}

interface Edge {
  readonly legacyIndex: number;
  readonly liveIndex: number;
  readonly distanceUs: bigint;
}

interface Compared {
  readonly edges: readonly Edge[];
  /** Pairs that are alike as far as one can see, and that nothing but an equal profile could confirm. */
  readonly weak: readonly { readonly legacyId: string; readonly runId: string }[];
}

/** Compares each legacy row with the live rows in reach of it; both sides are sorted by time. */
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
      if (verdict === 'twin') edges.push({ legacyIndex, liveIndex, distanceUs: distanceUs(left, right) });
      if (verdict === 'weak') weak.push({ legacyId: left.legacyId, runId: right.runId });
    }
  });
  return { edges, weak };
}

/** Splits the edges into connected clusters: what is not connected cannot influence each other's pairing. */
function clustersOf(edges: readonly Edge[]): Edge[][] {
  const rootOf = new Map<string, string>();
  const find = (node: string): string => {
    let root = node;
    for (let next = rootOf.get(root); next !== undefined && next !== root; next = rootOf.get(root))
      root = next;
    rootOf.set(node, root);
    return root;
  };
  for (const edge of edges) rootOf.set(find(legacyNode(edge)), find(liveNode(edge)));
  const clusters = new Map<string, Edge[]>();
  for (const edge of edges) {
    const root = find(legacyNode(edge));
    const cluster = clusters.get(root);
    if (cluster === undefined) clusters.set(root, [edge]);
    else cluster.push(edge);
  }
  return [...clusters.values()];
}

/** What a pairing costs: first the distance in time, then how far it departs from the preferred order of ties. */
interface Cost {
  readonly distanceUs: bigint;
  readonly tie: bigint;
}

/**
 * The pairing of one cluster: shortest augmenting paths (Bellman-Ford, because taking a pair back has a negative cost).
 * Each path adds one pair, and after k paths the pairing is the cheapest of those with k pairs.
 */
function pairCluster(cluster: readonly Edge[]): Edge[] {
  const [only] = cluster;
  if (only !== undefined && cluster.length === 1) return [only];
  const costs = costsOf(cluster);
  let paired: ReadonlySet<Edge> = new Set();
  for (;;) {
    const path = cheapestPath(cluster, costs, paired);
    if (path === undefined) return [...paired];
    const next = new Set(paired);
    for (const edge of path) if (!next.delete(edge)) next.add(edge);
    paired = next;
  }
}

/**
 * The tie of an edge is a digit of a number, the earliest legacy row's being the most significant: the smallest sum is
 * the pairing that comes first when pairings are listed by legacy row. Unpaired counts as behind the last live row.
 */
function costsOf(cluster: readonly Edge[]): Map<Edge, Cost> {
  const legacyRanks = ranks(cluster.map(({ legacyIndex }) => legacyIndex));
  const liveRanks = ranks(cluster.map(({ liveIndex }) => liveIndex));
  const base = BigInt(liveRanks.size + 1);
  const weights: bigint[] = [];
  let weight = 1n;
  for (let rank = legacyRanks.size - 1; rank >= 0; rank--) {
    weights[rank] = weight;
    weight *= base;
  }
  return new Map(
    cluster.map((edge) => {
      const digit = BigInt((liveRanks.get(edge.liveIndex) ?? 0) - liveRanks.size);
      const tie = digit * (weights[legacyRanks.get(edge.legacyIndex) ?? 0] ?? 1n);
      return [edge, { distanceUs: edge.distanceUs, tie }];
    }),
  );
}

type Node = string;

/**
 * The cheapest way to pair one more legacy row: from an unpaired one to an unpaired live row, along edges that are not
 * paired, and back along edges that are.
 */
function cheapestPath(
  cluster: readonly Edge[],
  costs: ReadonlyMap<Edge, Cost>,
  paired: ReadonlySet<Edge>,
): Edge[] | undefined {
  const pairedNodes = new Set([...paired].flatMap((edge) => [legacyNode(edge), liveNode(edge)]));
  const reached = new Map<Node, { readonly cost: Cost; readonly edge?: Edge; readonly from?: Node }>();
  for (const edge of cluster) {
    if (!pairedNodes.has(legacyNode(edge))) reached.set(legacyNode(edge), { cost: FREE });
  }
  for (let improved = true; improved;) {
    improved = false;
    for (const edge of cluster) {
      const back = paired.has(edge);
      const [from, to] = back ? [liveNode(edge), legacyNode(edge)] : [legacyNode(edge), liveNode(edge)];
      const start = reached.get(from);
      if (start === undefined) continue;
      const cost = add(start.cost, costs.get(edge) ?? FREE, back ? -1n : 1n);
      const known = reached.get(to);
      if (known !== undefined && compareCosts(known.cost, cost) <= 0) continue;
      reached.set(to, { cost, edge, from });
      improved = true;
    }
  }
  const ends = cluster.map(liveNode).filter((node) => reached.has(node) && !pairedNodes.has(node));
  const [first, ...others] = ends;
  if (first === undefined) return undefined;
  const costOf = (node: Node) => reached.get(node)?.cost ?? FREE;
  let node: Node | undefined = others.reduce(
    (best, end) => (compareCosts(costOf(end), costOf(best)) < 0 ? end : best),
    first,
  );
  const path: Edge[] = [];
  while (node !== undefined) {
    const step = reached.get(node);
    if (step?.edge !== undefined) path.push(step.edge);
    node = step?.from;
  }
  return path;
}

const FREE: Cost = { distanceUs: 0n, tie: 0n };

function add(a: Cost, b: Cost, sign: 1n | -1n): Cost {
  return { distanceUs: a.distanceUs + sign * b.distanceUs, tie: a.tie + sign * b.tie };
}

function compareCosts(a: Cost, b: Cost): number {
  return order(a.distanceUs, b.distanceUs) || order(a.tie, b.tie);
}

/** Live rows beside legacy rows that stay unpaired, where only the weakness of the fingerprint keeps them apart. */
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

function ranks(indexes: readonly number[]): Map<number, number> {
  return new Map([...new Set(indexes)].sort((a, b) => a - b).map((index, rank) => [index, rank]));
}

function legacyNode({ legacyIndex }: Edge): Node {
  return `g${String(legacyIndex)}`;
}

function liveNode({ liveIndex }: Edge): Node {
  return `l${String(liveIndex)}`;
}

function distanceUs(legacy: LegacyRun, live: LiveRun): bigint {
  const difference = legacy.startedAtUs - live.testedAtUs;
  return difference < 0n ? -difference : difference;
}

/** The legacy table stores 0 as NULL. */
function duration({ totalDurationMs }: { readonly totalDurationMs: number | null }): number | null {
  return totalDurationMs === 0 ? null : totalDurationMs;
}

function order(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function text(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
