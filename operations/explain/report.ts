import type { LegacyTableRow } from '../../consumers/agent-test-history/sweep/legacy-rows.ts';
import type { Changes } from '../../consumers/agent-test-history/rule/changes.ts';
import type { Decision } from '../../consumers/agent-test-history/rule/outcome.ts';

/** Everything known about one row, as `--json` prints it: names as in the tables, times and positions as text. */
export interface Report {
  readonly id: string;
  readonly known: boolean;
  readonly identity: Identity;
  readonly legacy_row: LegacyRowNow | null;
  readonly ledger: LedgerView | null;
  /** What `undo` removed and the next event of the row restores; null if nothing. */
  readonly undone: UndoneView | null;
  /** Null if there is no legacy row to look up, neither in the table nor in the ledger. */
  readonly look_ups: LookUps | null;
  readonly canonical_run: CanonicalRun | null;
  /** The table that refers to the canonical row; null if none does. */
  readonly referred_by: string | null;
  /** Live rows near the legacy row. For a live row without a link: legacy rows near it. */
  readonly candidates: readonly CandidateTwin[];
  readonly quarantine: readonly QuarantineRecord[];
  /** Null if the legacy table has no row to decide. */
  readonly today: Today | null;
  /** Null if the topic was not read; `notes` then says why. */
  readonly events: readonly TopicEvent[] | null;
  readonly notes: readonly string[];
  readonly verdict: RowVerdict;
}

export interface Identity {
  readonly kind:
    | 'legacy_row'
    | 'own_run'
    | 'script_copy'
    | 'live_run'
    | 'other_run'
    /** The ledger links to it, but it is gone from the canonical table. */
    | 'pruned_run'
    /** Our row that would come back if the live row of its legacy row went to another legacy row. */
    | 'kept_run'
    /** `undo` removed it, and nothing has restored it yet. */
    | 'undone_run'
    | 'unknown';
  readonly text: string;
  readonly legacy_id: string | null;
  readonly canonical_run_id: string | null;
}

/** The row in the legacy table now, with the sizes of its large columns instead of their content. */
export interface LegacyRowNow extends Omit<LegacyTableRow, 'agent_profile_json' | 'steps_json'> {
  readonly agent_profile_bytes: number | null;
  readonly steps_bytes: number | null;
}

export interface LedgerView {
  readonly decision: Decision;
  readonly reason: string;
  readonly canonical_run_id: string | null;
  readonly rule_version: number;
  readonly topic_id: string;
  readonly partition: number;
  readonly offset: string;
  readonly lsn: string | null;
  readonly op: string;
  readonly snapshot: boolean;
  readonly started_at: string | null;
  readonly decided_at: string;
  readonly source_deleted_at: string | null;
  readonly fingerprint: string | null;
  readonly profile_hash: string | null;
  /** For a twin: true if the pair may still change. */
  readonly unsettled: boolean;
  /** The id of our row that is kept beside an unsettled twin. */
  readonly kept_run_id: string | null;
}

/** A decision that `undo` removed with its canonical row, as it will be restored. */
export interface UndoneView {
  readonly undone_at: string;
  readonly canonical_run_id: string;
  readonly reason: string;
  readonly decided_at: string;
  readonly topic_id: string;
  readonly partition: number;
  readonly offset: string;
  readonly source_deleted_at: string | null;
}

/** The facts on which a decision depends. */
export interface LookUp {
  readonly agent_context_id: string | null;
  readonly user_id: string | null;
  readonly organization_id: string | null;
  readonly agent_url: string | null;
  readonly is_member: boolean | null;
  readonly lists_agent: boolean | null;
  readonly opted_out: boolean | null;
  readonly lifecycle_stage: string | null;
}

export interface LookUps {
  /** When it was decided; null where the ledger has no look-ups (never seen, gone, quarantined). */
  readonly then: LookUp | null;
  readonly now: LookUp & {
    readonly context_known: boolean;
    readonly owner: boolean;
    readonly script_copies: readonly string[];
  };
  /** The facts that have changed since. */
  readonly changed: readonly (keyof LookUp)[];
}

export interface CanonicalRun {
  readonly id: string;
  readonly whose: 'ours' | 'script' | 'live' | 'other';
  readonly agent_url: string;
  readonly canonical_agent_url: string | null;
  readonly lifecycle_stage: string;
  readonly overall_status: string;
  readonly headline: string | null;
  readonly total_duration_ms: number | null;
  readonly tested_at: string;
  readonly tracks_passed: number;
  readonly tracks_failed: number;
  readonly triggered_by: string;
  readonly dry_run: boolean;
  readonly triggered_org_id: string | null;
  readonly agent_profile_bytes: number | null;
  readonly observations_bytes: number | null;
  readonly profile_hash: string | null;
  /** The legacy id that its own observations name. */
  readonly source_legacy_id: string | null;
  /** The legacy id that the ledger links to it. */
  readonly linked_legacy_id: string | null;
}

export interface CandidateTwin {
  /** A live row; or a legacy row, if a live row is explained. */
  readonly id: string;
  /** From the start of the legacy row to the test of the live row; negative if the live row is earlier. */
  readonly distance_seconds: number;
  readonly is: 'linked' | 'taken' | 'match' | 'weak' | 'different' | 'not_comparable';
  /** The fields in which the two differ. */
  readonly differs_in: readonly string[];
  readonly why: string;
}

export interface QuarantineRecord {
  /** The id that `quarantine show` takes. */
  readonly id: string;
  readonly topic_id: string;
  readonly partition: number;
  readonly offset: string;
  readonly reason: string;
  readonly detail: string;
  readonly quarantined_at: string;
  readonly healed_at: string | null;
  readonly waived_at: string | null;
  readonly waived_by: string | null;
  readonly waive_reason: string | null;
}

export interface Today {
  readonly decision: Decision;
  readonly reason: string;
  readonly canonical_run_id: string | null;
  readonly changes: Changes;
  /**
   * What the rule alone decides with today's look-ups, as for a row that was never seen, before live rows are
   * considered.
   */
  readonly rule: { readonly decision: Decision; readonly reason: string };
}

export interface TopicEvent {
  readonly partition: number;
  readonly offset: string;
  readonly timestamp: string;
  readonly op: 'r' | 'c' | 'u' | 'd' | 'tombstone' | 'unreadable';
  readonly snapshot: boolean;
  readonly lsn: string | null;
  readonly bytes: number;
  readonly left_out: readonly string[];
  /** How the event relates to the newest event of the key that the ledger has. */
  readonly ledger: 'before' | 'newest' | 'quarantined' | 'not_applied' | 'nothing_to_apply';
  /** True if the stored offset of the projectors is beyond it. An event that is not applied then needs a replay. */
  readonly passed: boolean;
}

export interface RowVerdict {
  readonly text: string;
  readonly next: string | null;
}
