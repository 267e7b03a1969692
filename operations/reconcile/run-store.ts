import { FatalError } from '../../lib/errors.ts';
import type { Client, Pool } from '../../lib/postgres.ts';
import { RELEASE } from '../../lib/release.ts';
import { RULE_VERSION } from '../../consumers/agent-test-history/rule/outcome.ts';
import type { AcceptRule } from './accepted.ts';
import type { Compared, ComparedPhase } from './checks.ts';
import { EXCEPTIONS } from './kinds.ts';

export type Phase = ComparedPhase | 'recheck' | 'done';
/** `changes_proven` is the good verdict of a run that compared only what changed since a moment. */
export type ProofVerdict = 'proven' | 'wrong' | 'not_proven' | 'changes_proven';

/** A run of `reconcile` as it is stored; bigint columns are text. */
export interface ReconcileRun {
  readonly id: string;
  /** What it compares: everything, or only the rows that changed since a moment. */
  readonly scope: 'whole' | 'since';
  /** The moment of a run of the scope `since`. */
  readonly since: Date | null;
  readonly started_at: Date;
  readonly finished_at: Date | null;
  readonly rule_version: number;
  /** The release that began the run; null in runs of early releases. */
  readonly release: string | null;
  readonly phase: Phase;
  readonly last_id: string | null;
  readonly legacy_rows: string;
  /** The number of legacy rows at the end, counted in another way than by the walk; null before the end. */
  readonly legacy_counted: string | null;
  readonly ledger_rows: string;
  readonly canonical_rows: string;
  readonly decisions: Readonly<Record<string, number>> | null;
  readonly verdict: ProofVerdict | null;
  /** How many rows the verdict makes no statement about, by reason. */
  readonly excepted: Readonly<Record<string, number>> | null;
  /** The rules of accepted differences that it was given; null in a run that has not ended, or is of an early release. */
  readonly accept_rules: readonly Pick<AcceptRule, 'id' | 'owner' | 'reason' | 'expires'>[] | null;
  /** If rows are in flight, what the run waited for. */
  readonly waited_for: string | null;
}

const UNFINISHED = `
  SELECT * FROM history_cdc.reconcile_run
  WHERE scope = 'whole' AND phase <> 'done' AND rule_version = $1 AND release = $2 AND started_at > clock_timestamp() - interval '24 hours'
    AND id > (SELECT coalesce(max(id), 0) FROM history_cdc.reconcile_run WHERE phase = 'done' AND scope = 'whole')
  ORDER BY id DESC LIMIT 1`;
const BEGIN_RUN = `
  INSERT INTO history_cdc.reconcile_run (rule_version, release, phase, scope, since)
  VALUES ($1, $2, 'legacy', CASE WHEN $3::timestamptz IS NULL THEN 'whole' ELSE 'since' END, $3)
  RETURNING *`;
const FINISHED = `
  SELECT * FROM history_cdc.reconcile_run WHERE phase = 'done' AND scope = ANY ($2) ORDER BY id DESC LIMIT $1`;

/**
 * The run to continue: one that was broken off less than a day ago, unless a later run has given its verdict. Otherwise
 * a new run.
 */
export async function beginOrResume(canonical: Pool, fresh: boolean): Promise<ReconcileRun> {
  const unfinished = fresh
    ? []
    : (await canonical.query<ReconcileRun>(UNFINISHED, [RULE_VERSION, RELEASE])).rows;
  return unfinished[0] ?? (await beginRun(canonical, null));
}

/** A new run; of everything, unless `since` says of what. */
export async function beginRun(canonical: Pool, since: Date | null): Promise<ReconcileRun> {
  const { rows } = await canonical.query<ReconcileRun>(BEGIN_RUN, [RULE_VERSION, RELEASE, since]);
  const [run] = rows;
  if (run === undefined) throw new Error('the run was not stored');
  return run;
}

/** The last run over everything that finished. */
export async function lastFinished(canonical: Pool): Promise<ReconcileRun | undefined> {
  return (await finishedRuns(canonical, 1))[0];
}

/** The last runs that finished, newest first; those over everything, unless other scopes are named. */
export async function finishedRuns(
  canonical: Client,
  limit: number,
  scopes: readonly ReconcileRun['scope'][] = ['whole'],
): Promise<readonly ReconcileRun[]> {
  return (await canonical.query<ReconcileRun>(FINISHED, [limit, scopes])).rows;
}

const ADVANCE = `
  UPDATE history_cdc.reconcile_run
  SET phase = $4, last_id = $5, updated_at = clock_timestamp(),
      legacy_rows = legacy_rows + CASE $2 WHEN 'legacy' THEN $6::bigint ELSE 0 END,
      ledger_rows = ledger_rows + CASE $2 WHEN 'ledger' THEN $6::bigint ELSE 0 END,
      canonical_rows = canonical_rows + CASE $2 WHEN 'canonical' THEN $6::bigint ELSE 0 END
  WHERE id = $1 AND phase = $2 AND last_id IS NOT DISTINCT FROM $3::uuid
  RETURNING *`;

/**
 * Records the progress of a run, in the transaction of its findings. If two commands continue the same run, they would
 * count rows twice, so the later one ends.
 */
export async function advance(
  client: Client,
  run: ReconcileRun,
  { phase, compared }: { readonly phase: Phase; readonly compared: Compared },
): Promise<ReconcileRun> {
  const { rows } = await client.query<ReconcileRun>(ADVANCE, [
    run.id,
    run.phase,
    run.last_id,
    phase,
    phase === run.phase ? compared.last_id : null,
    compared.rows,
  ]);
  const [advanced] = rows;
  if (advanced !== undefined) return advanced;
  throw new FatalError({
    code: 'FENCED',
    message: `another \`history-cdc reconcile\` has continued run ${run.id}`,
    wayOut: 'wait for it, or begin a new run with --fresh',
  });
}

const FINISH = `
  UPDATE history_cdc.reconcile_run
  SET phase = 'done', finished_at = clock_timestamp(), updated_at = clock_timestamp(), last_id = NULL,
      decisions = (SELECT coalesce(jsonb_object_agg(decision, rows), '{}') FROM (
        SELECT decision, count(*) AS rows FROM history_cdc.ledger GROUP BY decision) AS counted),
      legacy_counted = $3::bigint,
      verdict = (
        SELECT CASE
          WHEN bool_or(f.state = 'confirmed' AND f.kind <> 'parked') THEN 'wrong'
          WHEN count(*) > 0 THEN 'not_proven'
          -- Where nobody writes, all rows that there are were walked; and where there are any, not none.
          WHEN CASE WHEN $4::boolean OR legacy_rows = 0 THEN legacy_rows <> $3::bigint END THEN 'not_proven'
          WHEN scope = 'since' THEN 'changes_proven'
          ELSE 'proven' END
        FROM history_cdc.reconcile_finding f
        WHERE f.run_id = $1 AND f.severity = 'wrong' AND f.accepted_by IS NULL AND f.state IN ('confirmed', 'in_flight')),
      excepted = (
        SELECT jsonb_object_agg(reason, rows) FROM (
          SELECT CASE WHEN f.accepted_by IS NULL THEN f.kind ELSE 'accepted' END AS reason, count(*) AS rows
          FROM history_cdc.reconcile_finding f
          WHERE f.run_id = $1 AND (f.accepted_by IS NOT NULL OR f.kind = ANY ($2))
          GROUP BY 1
          UNION ALL
          SELECT 'pruned', count(*) FROM history_cdc.pruned HAVING count(*) > 0
          UNION ALL
          -- Nothing is left that their canonical rows could be compared with.
          SELECT 'deleted', count(*) FROM history_cdc.ledger
          WHERE decision = 'projected' AND source_deleted_at IS NOT NULL HAVING count(*) > 0) AS counted)
  WHERE id = $1 AND phase <> 'done'
  RETURNING *`;

/** What the verdict depends on besides the findings. */
export interface Whole {
  /** Null of a run that does not compare everything. */
  readonly legacyCounted: string | null;
  readonly sourceIsQuiet: boolean;
}

export async function finish(
  client: Client,
  run: ReconcileRun,
  { legacyCounted, sourceIsQuiet }: Whole,
): Promise<ReconcileRun> {
  const { rows } = await client.query<ReconcileRun>(FINISH, [
    run.id,
    EXCEPTIONS,
    legacyCounted,
    sourceIsQuiet,
  ]);
  return rows[0] ?? run;
}
