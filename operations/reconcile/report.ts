import { FatalError } from '../../lib/errors.ts';
import type { Pool } from '../../lib/postgres.ts';
import { RELEASE } from '../../lib/release.ts';
import { openGaps, type Gap } from '../continuity/gaps.ts';
import { RULE_VERSION } from '../../consumers/agent-test-history/rule/outcome.ts';
import { countUnhealed, type Unhealed } from '../../consumers/agent-test-history/stream/unhealed.ts';
import type { Kind } from './kinds.ts';
import { lastFinished, type ProofVerdict, type ReconcileRun } from './run-store.ts';

export interface KindCount {
  readonly kind: Kind;
  readonly severity: 'wrong' | 'info';
  readonly confirmed: number;
  readonly in_flight: number;
  readonly accepted: number;
}

export interface Finding {
  readonly kind: Kind;
  readonly severity: 'wrong' | 'info';
  readonly state: 'confirmed' | 'in_flight';
  readonly legacy_id: string | null;
  readonly canonical_run_id: string | null;
  readonly fields: readonly string[];
  readonly accepted_by: string | null;
}

/** The result of a finished run. Findings are read page by page, because there may be as many as rows. */
export interface ReconcileReport {
  readonly run: ReconcileRun;
  readonly verdict: ProofVerdict;
  /** The reason why the verdict is stale; null if it is not. */
  readonly stale: string | null;
  readonly kinds: readonly KindCount[];
  /** Number of findings per accept rule. */
  readonly accepted: Readonly<Record<string, number>>;
  /** The accounting identity: the sum over all decisions. */
  readonly rowsSeen: number;
  /** The present state, whenever the run was. */
  readonly quarantine: Unhealed;
  /** Open gaps of the stream, at present. While one is open, nothing is proven. */
  readonly gaps: readonly Gap[];
}

const COUNTS = `
  SELECT kind, severity, count(*) FILTER (WHERE state = 'confirmed' AND accepted_by IS NULL)::integer AS confirmed,
         count(*) FILTER (WHERE state = 'in_flight' AND accepted_by IS NULL)::integer AS in_flight,
         count(*) FILTER (WHERE accepted_by IS NOT NULL)::integer AS accepted
  FROM history_cdc.reconcile_finding
  WHERE run_id = $1
  GROUP BY kind, severity
  ORDER BY severity DESC, kind`;
const HITS = `
  SELECT rule, count(*)::integer AS hits
  FROM history_cdc.reconcile_finding f CROSS JOIN LATERAL unnest(string_to_array(f.accepted_by, ', ')) AS rule
  WHERE f.run_id = $1 GROUP BY rule ORDER BY rule`;

/** Uses the clock that stored the end of the run. The clock of this process may differ by a day. */
const IS_OLD = `SELECT $1::timestamptz < clock_timestamp() - interval '24 hours' AS old`;

export async function reportOf(canonical: Pool, run: ReconcileRun): Promise<ReconcileReport> {
  if (run.verdict === null) throw new Error('only a finished run has a report');
  const { rows: ages } = await canonical.query<{ old: boolean | null }>(IS_OLD, [run.finished_at]);
  const { rows: kinds } = await canonical.query<KindCount>(COUNTS, [run.id]);
  const { rows: hits } = await canonical.query<{ rule: string; hits: number }>(HITS, [run.id]);
  return {
    run,
    verdict: run.verdict,
    stale: staleness(run, ages[0]?.old !== false),
    kinds,
    accepted: Object.fromEntries(hits.map(({ rule, hits: number }) => [rule, number])),
    rowsSeen: Object.values(run.decisions ?? {}).reduce((total, rows) => total + rows, 0),
    quarantine: await countUnhealed(canonical),
    gaps: await openGaps(canonical),
  };
}

/** The report of the last run over everything; throws if there is none. */
export async function lastReport(canonical: Pool): Promise<ReconcileReport> {
  const run = await lastFinished(canonical);
  if (run !== undefined) return await reportOf(canonical, run);
  throw new FatalError({
    code: 'CONFIG_INVALID',
    message: 'there is no verdict, because `reconcile` has never been completed here',
    wayOut: 'run `history-cdc reconcile`',
  });
}

/** Throws if the verdict says nothing about now: what it found must not be repaired. */
export function assertFresh({ stale }: Pick<ReconcileReport, 'stale'>): void {
  if (stale === null) return;
  throw new FatalError({
    code: 'CONFIG_INVALID',
    message: `the last verdict is stale: ${stale}`,
    wayOut: 'run `history-cdc reconcile`, then repair its findings',
  });
}

/** A verdict is valid for the rule and the release that gave it. */
function staleness({ rule_version: rule, release }: ReconcileRun, isOld: boolean): string | null {
  if (rule !== RULE_VERSION)
    return `it was given with version ${String(rule)} of the rule, and the rule now has version ${String(RULE_VERSION)}`;
  if (release !== RELEASE)
    return `it was given by ${release === null ? 'an earlier release' : `release ${release}`}, and this is ${RELEASE}`;
  return isOld ? 'it is older than 24 hours' : null;
}

const PAGE = `
  SELECT kind, severity, state, legacy_id, canonical_run_id, fields, accepted_by
  FROM history_cdc.reconcile_finding
  WHERE run_id = $1 AND (kind, subject) > ($2, $3)
  ORDER BY kind, subject LIMIT 1000`;

const PAGE_OF_KIND = `
  SELECT kind, severity, state, legacy_id, canonical_run_id, fields, accepted_by, subject
  FROM history_cdc.reconcile_finding
  WHERE run_id = $1 AND kind = $2 AND subject > $3
  ORDER BY subject LIMIT $4`;

/** The findings of one kind behind a subject, in their order. */
export async function findingsPage(
  canonical: Pool,
  runId: string,
  { kind, after, limit }: { readonly kind: Kind; readonly after: string; readonly limit: number },
): Promise<readonly (Finding & { readonly subject: string })[]> {
  const values = [runId, kind, after, limit];
  return (await canonical.query<Finding & { readonly subject: string }>(PAGE_OF_KIND, values)).rows;
}

/** Every finding of a run, in pages. */
export async function* findingsOf(canonical: Pool, runId: string): AsyncGenerator<Finding> {
  let after = ['', ''];
  for (;;) {
    const { rows } = await canonical.query<Finding>(PAGE, [runId, ...after]);
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined) return;
    after = [last.kind, `${last.legacy_id ?? ''} ${last.canonical_run_id ?? ''}`];
  }
}
