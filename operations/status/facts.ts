import type { ReconcileReport } from '../reconcile/report.ts';
import type { ReconcileRun } from '../reconcile/run-store.ts';
import type { LastSweeps } from '../../consumers/agent-test-history/sweep/last-sweep.ts';
import type { Unhealed } from '../../consumers/agent-test-history/stream/unhealed.ts';
import type { Answer, Facts } from '../facts/areas.ts';
import type { SnapshotStatus } from '../snapshot/status.ts';
import type { Dated } from './paced.ts';

/** What one look found out. Undefined within an answer: there is nothing yet to ask, no ledger or no topics. */
export interface StatusFacts {
  readonly at: Date;
  /** As `doctor` gathers them, those that `WATCHED` needs. */
  readonly areas: Facts;
  /** Consumers in the group of the projectors. */
  readonly projectors: Answer<number>;
  /** See `oldestSeconds`; 0 where nothing waits. */
  readonly oldestSeconds: Answer<number>;
  /** Records that were projected a second since the look before; null at the first. */
  readonly recordsPerSecond: number | null;
  readonly quarantine: Answer<Unhealed | undefined>;
  readonly twins: Answer<TwinFacts | undefined>;
  /** Undefined also where the ledger is of a release that did not store them. */
  readonly sweeps: Answer<LastSweeps | undefined>;
  readonly verdicts: Answer<VerdictFacts | undefined>;
  readonly snapshot: Dated<SnapshotStatus | undefined>;
  readonly ledger: Dated<readonly DecisionRow[] | undefined>;
  readonly legacyRows: Dated<number>;
}

export interface DecisionRow {
  readonly decision: string;
  readonly rows: number;
  /** Whose legacy row was not deleted, as far as the ledger knows. */
  readonly not_deleted: number;
  /** A live row cannot take over from ours, because something refers to ours. */
  readonly blocked: number;
  /** Projected beside a live row with which they have nothing but the time in common. */
  readonly weak: number;
  /** Owners' runs that the live path did not record while it was up. */
  readonly stragglers: number;
}

export interface TwinFacts {
  readonly unsettled: number;
  /** Those that the next sweep settles. */
  readonly due: number;
  /** Those that a sweep should have settled half an hour ago. */
  readonly overdue: number;
}

export interface VerdictFacts {
  /** Undefined where `reconcile` never came to its end. */
  readonly last: ReconcileReport | undefined;
  /** Before it, newest first. */
  readonly before: readonly ReconcileRun[];
}
