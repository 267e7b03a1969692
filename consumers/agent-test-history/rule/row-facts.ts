import type { Position } from '../../../lib/position.ts';
import type { Decision } from './outcome.ts';

/** What the ledger has for a key. */
export interface LedgerEntry {
  readonly decision: Decision;
  readonly reason: string;
  readonly canonicalRunId: string | null;
  readonly position: Position;
  /** The context and the user on which the decision stands. */
  readonly agentContextId: string | null;
  readonly userId: string | null;
  /** The agent, canonicalised; null where the decision names none. */
  readonly agentUrl: string | null;
  /** Postgres's own text of the row's start; null where no content was seen. */
  readonly startedAt: string | null;
  /** The ledger has a delete of the legacy row as its last event. */
  readonly sourceDeleted: boolean;
  readonly decidedSecondsAgo: number;
  /** Of a twin whose pair may still be recomputed: whether our own row is kept for it. Null for every other row. */
  readonly unsettled: { readonly hasRun: boolean } | null;
}

/** The context of a legacy row, and what makes its user an owner of its agent or not. */
export interface Context {
  readonly organizationId: string;
  readonly originalAgentUrl: string;
  /** Canonicalised; null where the text names no agent. */
  readonly agentUrl: string | null;
  readonly isMember: boolean;
  readonly listsAgent: boolean;
  readonly optedOut: boolean;
  readonly lifecycleStage: string;
}

/** What `undo` took back of a key, and keeps (migrations/0008-undone.sql). */
export interface Undone {
  /** Of its decision; null where that names none. */
  readonly agentUrl: string | null;
  /** The run may have a live twin by now: it took part in matching, or did not start long before the first live row. */
  readonly mayMatch: boolean;
}

/** Everything outside the event that its decision depends on. */
export interface RowFacts {
  readonly entry: LedgerEntry | null;
  /** Null where the ledger has an entry, and where nothing was taken back. */
  readonly undone: Undone | null;
  /** False for a canonical row that is gone (pruned), and where there never was one. */
  readonly runExists: boolean;
  /** The event's user, or the ledger's where the event left it out. */
  readonly userId: string | null;
  /** Null where the context is gone. */
  readonly context: Context | null;
  /** Ids of the rows that the earlier script wrote for this one and that still exist, in order. */
  readonly scriptCopies: readonly string[];
  readonly hasOpenQuarantine: boolean;
  /** The primary key was changed from or to this key, and the run has not moved yet. */
  readonly awaitsKeyChange: boolean;
  /** The run may have a live twin: it did not start long before the first live row. */
  readonly inWindow: boolean;
}
