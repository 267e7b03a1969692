import type { Edge } from './pair-cluster.ts';

/** The cost of a pairing: first the distance in time, then how far it departs from the preferred order. */
interface Cost {
  readonly distanceUs: bigint;
  readonly tie: bigint;
}

/**
 * Pairs one cluster by shortest augmenting paths (Bellman-Ford, because undoing a pair has a negative cost). Each path
 * adds one pair. After k paths, the pairing is the cheapest one with k pairs.
 */
export function pairByPaths(cluster: readonly Edge[]): Edge[] {
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
 * The tie of an edge is one digit of a number; the digit of the earliest legacy row is the most significant. So the
 * smallest sum is the pairing that comes first when pairings are ordered by legacy row. An unpaired row counts as
 * paired with a row after the last live row.
 */
function costsOf(cluster: readonly Edge[]): Map<Edge, Cost> {
  const legacyRanks = ranks(cluster.map(({ legacy }) => legacy));
  const liveRanks = ranks(cluster.map(({ live }) => live));
  const base = BigInt(liveRanks.size + 1);
  const weights: bigint[] = [];
  let weight = 1n;
  for (let rank = legacyRanks.size - 1; rank >= 0; rank--) {
    weights[rank] = weight;
    weight *= base;
  }
  return new Map(
    cluster.map((edge) => {
      const digit = BigInt((liveRanks.get(edge.live) ?? 0) - liveRanks.size);
      const tie = digit * (weights[legacyRanks.get(edge.legacy) ?? 0] ?? 1n);
      return [edge, { distanceUs: edge.distanceUs, tie }];
    }),
  );
}

type Node = string;

/**
 * The cheapest path that pairs one more legacy row. It leads from an unpaired legacy row to an unpaired live row,
 * forwards along unpaired edges and backwards along paired ones.
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

function ranks(indexes: readonly number[]): Map<number, number> {
  return new Map([...new Set(indexes)].sort((a, b) => a - b).map((index, rank) => [index, rank]));
}

function legacyNode({ legacy }: Edge): Node {
  return `legacy ${String(legacy)}`;
}

function liveNode({ live }: Edge): Node {
  return `live ${String(live)}`;
}

function order(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
