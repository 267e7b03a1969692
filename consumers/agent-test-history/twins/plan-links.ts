/**
 * Works out which links of a cluster must change. It is a pure function of the rows, so the order in which the rows
 * came makes no difference to the links. Three things are never changed: settled links, links whose live row is gone,
 * and live rows that are linked to a row outside of the cluster.
 */
import type { Candidate, Cluster, LiveCandidate } from './clusters.ts';
import { HISTORY, LATE_OWNER, OWNER, STRAGGLER } from '../rule/outcome.ts';
import { matchTwins } from './match-twin.ts';

export const LIVE_TWIN = 'live_twin';
export const WEAK_FINGERPRINT = 'weak_fingerprint';
export const OPTED_OUT = 'compliance_opt_out';
/** Another table refers to our row, so the live row cannot replace it. */
export const TWIN_BLOCKED = 'twin_blocked';

/** Reasons of projected rows that the next evaluation of the cluster may replace. */
const OPEN_REASONS: ReadonlySet<string> = new Set([OWNER, WEAK_FINGERPRINT, TWIN_BLOCKED]);
/** Reasons that an evaluation of the cluster replaces only by `weak_fingerprint`. */
const NAMES: ReadonlySet<string> = new Set([HISTORY, STRAGGLER, LATE_OWNER]);

/** The decision on a legacy row, and its canonical row. */
export interface Standing {
  readonly decision: Candidate['decision'];
  readonly canonicalRunId: string | null;
  readonly reason: string;
}

export interface LinkChange {
  readonly legacyId: string;
  readonly was: Omit<Standing, 'reason'>;
  /** The former reason. */
  readonly reason: string;
  readonly becomes: Standing;
}

export interface LinkPlan {
  /** The twins of pending rows: live run id by legacy id. */
  readonly twins: ReadonlyMap<string, string>;
  /** Pending rows with a live row nearby whose fingerprint is too weak to tell whether they are one run. */
  readonly weak: ReadonlySet<string>;
  /** The changes of rows that are in the ledger. */
  readonly changes: readonly LinkChange[];
}

/** Plans the links of a cluster. `ownRunId` gives the id of the canonical row that we write for a legacy row. */
export function planLinks(
  cluster: Cluster,
  windowUs: bigint,
  ownRunId: (legacyId: string) => string,
): LinkPlan {
  const settled = settledLinks(cluster);
  const legacy = [...cluster.pending, ...cluster.legacy];
  const { pairs, suspected } = matchTwins({ legacy, live: cluster.live, settled }, windowUs);
  const changes = cluster.legacy.flatMap((row) => {
    if (settled.has(row.legacyId)) return [];
    const live = pairs.get(row.legacyId);
    const becomes =
      live === undefined
        ? alone(row, suspected.has(row.legacyId), ownRunId)
        : { decision: 'twin' as const, canonicalRunId: live, reason: LIVE_TWIN };
    return isAsIs(row, becomes) ? [] : [changeOf(row, becomes)];
  });
  const pending = cluster.pending.map(({ legacyId }) => legacyId);
  return {
    twins: new Map(pending.flatMap((id) => (pairs.has(id) ? [[id, pairs.get(id) ?? ''] as const] : []))),
    weak: new Set(pending.filter((id) => suspected.has(id))),
    changes,
  };
}

/** The links that no longer change: live run id by legacy id. */
function settledLinks({ legacy, live }: Cluster): Map<string, string> {
  const present = new Set(live.map(({ runId }) => runId));
  const movable = new Map(legacy.filter(isMovable(present)).map((row) => [row.legacyId, row]));
  const links = legacy.flatMap(({ legacyId, decision, canonicalRunId }): [string, string][] =>
    decision === 'twin' && canonicalRunId !== null && !movable.has(legacyId)
      ? [[legacyId, canonicalRunId]]
      : [],
  );
  const taken = live.flatMap(({ holder, runId }: LiveCandidate): [string, string][] =>
    holder !== null && !movable.has(holder) ? [[holder, runId]] : [],
  );
  return new Map([...links, ...taken]);
}

/** True for an unsettled twin whose live row still exists. */
function isMovable(present: ReadonlySet<string>): (row: Candidate) => boolean {
  return ({ decision, canonicalRunId, unsettled }) =>
    decision === 'twin' && unsettled && canonicalRunId !== null && present.has(canonicalRunId);
}

/** The decision on a row that has no twin. */
function alone(row: Candidate, suspected: boolean, ownRunId: (legacyId: string) => string): Standing {
  const { decision, canonicalRunId, reason } = row;
  if (decision === 'opted_out' || (decision === 'twin' && !row.hasRun))
    return { decision: 'opted_out', canonicalRunId: null, reason: decision === 'twin' ? OPTED_OUT : reason };
  const newReason = suspected ? WEAK_FINGERPRINT : OWNER;
  if (decision === 'twin')
    return { decision: 'projected', canonicalRunId: ownRunId(row.legacyId), reason: newReason };
  const isOpen = OPEN_REASONS.has(reason) || (suspected && NAMES.has(reason));
  return { decision, canonicalRunId, reason: isOpen ? newReason : reason };
}

function changeOf({ legacyId, decision, canonicalRunId, reason }: Candidate, becomes: Standing): LinkChange {
  return { legacyId, was: { decision, canonicalRunId }, reason, becomes };
}

function isAsIs(row: Candidate, becomes: Standing): boolean {
  return (
    row.decision === becomes.decision &&
    row.canonicalRunId === becomes.canonicalRunId &&
    row.reason === becomes.reason
  );
}
