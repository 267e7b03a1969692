import type { Client } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';

/** One comparison that came to its end: a run of `reconcile`, or a pass of the verification inside `project`. */
export interface PastRun {
  readonly scope: 'whole' | 'since' | 'background';
  readonly id: string;
  /** Of the scope `since`: only what changed after it was compared. */
  readonly since: Date | null;
  readonly startedAt: Date;
  readonly finishedAt: Date;
  /** Null of early releases. */
  readonly release: string | null;
  readonly ruleVersion: number;
  readonly legacyRows: number;
  readonly ledgerRows: number;
  readonly canonicalRows: number;
  /** A pass has none of its own: it counts what was wrong at its end. */
  readonly verdict: 'proven' | 'changes_proven' | 'not_proven' | 'wrong' | null;
  /** Findings that count as wrong; null of a run whose findings were removed by their age. */
  readonly wrong: number | null;
  readonly excepted: Readonly<Record<string, number>>;
}

const HISTORY = sqlFile(import.meta.url, './sql/history.sql');

/** The last comparisons, newest first. Verdicts are kept for ever, passes for 7 days. */
export async function pastRuns(canonical: Client, limit: number): Promise<readonly PastRun[]> {
  return (await canonical.query<PastRun>(HISTORY, [limit])).rows;
}
