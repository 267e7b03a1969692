import type { Position } from '../../../lib/position.ts';
import type { Decision } from './outcome.ts';

/** What the ledger has for a key. */
export interface LedgerEntry {
  readonly decision: Decision;
  readonly reason: string;
  readonly canonicalRunId: string | null;
  readonly position: Position;
  /** The context and the user of the decision. */
  readonly agentContextId: string | null;
  readonly userId: string | null;
  /** The agent, canonicalised; null if the decision has no agent. */
  readonly agentUrl: string | null;
  /** Postgres's own text of the row's start; null if no content was seen. */
  readonly startedAt: string | null;
  /** True if the last event of the legacy row was a delete. */
  readonly sourceDeleted: boolean;
  readonly decidedSecondsAgo: number;
  /** For an unsettled twin: whether our own row is kept beside it. Null for every other row. */
  readonly unsettled: { readonly hasRun: boolean } | null;
}

/** The context of a legacy row, and the facts that make its user an owner or not. */
export interface Context {
  readonly organizationId: string;
  readonly originalAgentUrl: string;
  /** Canonicalised; null if the text names no agent. */
  readonly agentUrl: string | null;
  readonly isMember: boolean;
  readonly listsAgent: boolean;
  readonly optedOut: boolean;
  readonly lifecycleStage: string;
}

/** What `undo` removed of a key and keeps (migrations/0008-undone.sql). */
export interface Undone {
  /** The agent of its decision; null if it has none. */
  readonly agentUrl: string | null;
  /**
   * True if the run may now have a live twin: it took part in matching, or it did not start long before the first live
   * row.
   */
  readonly mayMatch: boolean;
}

/** All facts outside the event on which its decision depends. */
export interface RowFacts {
  readonly entry: LedgerEntry | null;
  /** Null if the ledger has an entry, or if nothing was removed. */
  readonly undone: Undone | null;
  /** False if the canonical row is gone (pruned), or never existed. */
  readonly runExists: boolean;
  /** The event's user; if the event left it out, the ledger's. */
  readonly userId: string | null;
  /** Null if the context is gone. */
  readonly context: Context | null;
  /** Ids of the earlier script's copies of this row that still exist, in order. */
  readonly scriptCopies: readonly string[];
  readonly hasOpenQuarantine: boolean;
  /** True if the primary key was changed from or to this key and the run has not moved yet. */
  readonly awaitsKeyChange: boolean;
  /** True if the run may have a live twin: it did not start long before the first live row. */
  readonly inWindow: boolean;
}
