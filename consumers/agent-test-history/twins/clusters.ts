import type { Client } from '../../../lib/postgres.ts';
import { sqlFile } from '../../../lib/sql-file.ts';
import type { MatchableDecision } from '../rule/outcome.ts';
import type { LegacyRun, LiveRun } from './match-twin.ts';
import { legacyRunOf, liveRunOf, type LegacyRunRow, type LiveRunRow } from './run-rows.ts';
import { islandsOf, stretchesAround, type Island, type Seed, type Stretch } from './stretches.ts';

const LEGACY_CANDIDATES = sqlFile(import.meta.url, './sql/legacy-candidates.sql');
const LIVE_CANDIDATES = sqlFile(import.meta.url, './sql/live-candidates.sql');

/** An owner's run that is in the ledger, with its decision. */
export interface Candidate extends LegacyRun {
  readonly decision: MatchableDecision;
  readonly reason: string;
  readonly canonicalRunId: string | null;
  /** For a twin: true if its pair may still change. Without meaning for other rows. */
  readonly unsettled: boolean;
  /** True if our own row is kept beside an unsettled twin; false if its agent has opted out. */
  readonly hasRun: boolean;
}

export interface LiveCandidate extends LiveRun {
  /** The legacy row that the ledger links it to. */
  readonly holder: string | null;
}

/**
 * Rows of one agent and fingerprint, each within the match window of the next. So no row outside of the cluster can
 * change its pairs.
 */
export interface Cluster {
  readonly agentUrl: string;
  /** Runs that are not in the ledger yet. */
  readonly pending: readonly LegacyRun[];
  readonly legacy: readonly Candidate[];
  readonly live: readonly LiveCandidate[];
}

/**
 * Reads the whole clusters of the seeds. A stretch of time that ends too near to one of its rows is made longer and
 * read again. The caller holds the agents' locks; otherwise a cluster could change before it is written.
 */
export async function readClusters(
  client: Client,
  seeds: readonly Seed[],
  windowUs: bigint,
): Promise<Cluster[]> {
  const pending = new Set(seeds.flatMap((seed) => seed.pending?.legacyId ?? []));
  const clusters: Cluster[] = [];
  let open = stretchesAround(seeds, windowUs);
  while (open.length > 0) {
    const { islands, tooShort } = islandsOf(await readStretches(client, open, pending), windowUs);
    clusters.push(...islands.map(clusterOf));
    open = tooShort;
  }
  return clusters;
}

/** A legacy row or a live row, with its time. */
type Row =
  | { readonly atUs: bigint; readonly legacy: Candidate }
  | { readonly atUs: bigint; readonly live: LiveCandidate };

function clusterOf({ agentUrl, rows, seeds }: Island<Row>): Cluster {
  return {
    agentUrl,
    pending: seeds.flatMap((seed) => seed.pending ?? []),
    legacy: rows.flatMap((row) => ('legacy' in row ? [row.legacy] : [])),
    live: rows.flatMap((row) => ('live' in row ? [row.live] : [])),
  };
}

interface LegacyRow extends LegacyRunRow {
  readonly stretch: number;
  readonly decision: Candidate['decision'];
  readonly reason: string;
  readonly canonical_run_id: string | null;
  readonly unsettled: boolean;
  readonly has_run: boolean;
}

interface LiveRow extends LiveRunRow {
  readonly stretch: number;
  readonly holder: string | null;
}

async function readStretches(
  client: Client,
  stretches: readonly Stretch[],
  pending: ReadonlySet<string>,
): Promise<{ stretch: Stretch; rows: Row[] }[]> {
  const values = [
    stretches.map(({ agentUrl }) => agentUrl),
    stretches.map(({ fingerprint }) => fingerprint),
    stretches.map(({ fromUs }) => fromUs),
    stretches.map(({ toUs }) => toUs),
  ];
  const [{ rows: legacyRows }, { rows: liveRows }] = await Promise.all([
    client.query<LegacyRow>(LEGACY_CANDIDATES, values),
    client.query<LiveRow>(LIVE_CANDIDATES, values),
  ]);
  const read = stretches.map((stretch) => ({ stretch, rows: [] as Row[] }));
  for (const row of legacyRows) {
    const legacy = candidateOf(row);
    // The ledger's decision on this row is about to be replaced.
    if (pending.has(legacy.legacyId)) continue;
    read[row.stretch - 1]?.rows.push({ atUs: legacy.startedAtUs, legacy });
  }
  for (const row of liveRows) {
    const live = liveOf(row);
    read[row.stretch - 1]?.rows.push({ atUs: live.testedAtUs, live });
  }
  return read;
}

function candidateOf(row: LegacyRow): Candidate {
  return {
    ...legacyRunOf(row),
    decision: row.decision,
    reason: row.reason,
    canonicalRunId: row.canonical_run_id,
    unsettled: row.unsettled,
    hasRun: row.has_run,
  };
}

function liveOf(row: LiveRow): LiveCandidate {
  return { ...liveRunOf(row), holder: row.holder };
}
