import { reconcile, type ReconcileContext } from '../../operations/reconcile/reconcile.ts';
import { findingsOf, type Finding } from '../../operations/reconcile/report.ts';
import type { ReconcileRun } from '../../operations/reconcile/run-store.ts';
import type { Pool } from '../../lib/postgres.ts';
import { MATCHING } from './run-records.ts';

/** What a run of `reconcile` came to, every finding of it. */
export interface Reconciled {
  readonly run: ReconcileRun;
  readonly findings: readonly Finding[];
  /** `kind legacy-id`, sorted: what a test expects of it. */
  readonly named: readonly string[];
}

/** Compares all of it, in chunks of two rows, of a source that is quiet; and whatever a test has otherwise. */
export async function reconciled(
  canonical: Pool,
  others: Partial<ReconcileContext> = {},
): Promise<Reconciled> {
  const run = await reconcile({
    canonical,
    elsewhere: undefined,
    stream: undefined,
    windowUs: MATCHING.windowUs,
    retentionDays: undefined,
    settleSeconds: 0,
    sourceIsQuiet: true,
    chunkRows: 2,
    fresh: false,
    accepted: [],
    signal: new AbortController().signal,
    onResume: () => undefined,
    onProgress: () => undefined,
    ...others,
  });
  const findings: Finding[] = [];
  for await (const finding of findingsOf(canonical, run.id)) findings.push(finding);
  const named = findings.map(({ kind, legacy_id: legacyId }) => `${kind} ${legacyId ?? '-'}`);
  return { run, findings, named: named.sort() };
}

/** The bystanders of a world have no legacy row; and no run that an earlier test left is gone on with. */
export const ONLY_KNOWN_ROWS = `
  DELETE FROM history_cdc.reconcile_run; DELETE FROM history_cdc.pruned;
  UPDATE history_cdc.ledger SET source_deleted_at = '2026-01-01T00:00:00Z'`;
