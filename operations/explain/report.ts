import type { Changes } from '../../consumers/agent-test-history/rule/changes.ts';
import type { Decision } from '../../consumers/agent-test-history/rule/outcome.ts';

/** Everything known about one row, as `--json` prints it: names as in the tables, times and positions as text. */
export interface Report {
  readonly id: string;
  readonly known: boolean;
  readonly identity: Identity;
  readonly legacy_row: LegacyRowNow | null;
  readonly ledger: LedgerView | null;
  /** What `undo` took back, and what the next event of the row restores; null where nothing was. */
  readonly undone: UndoneView | null;
  /** Null where there is no legacy row to look up, neither in the table nor in the ledger. */
  readonly look_ups: LookUps | null;
  readonly canonical_run: CanonicalRun | null;
  /** What refers to the canonical row; null where nothing does. */
  readonly referred_by: string | null;
  /** Live rows around the legacy row; of a live row that is linked to none, legacy rows around it. */
  readonly candidates: readonly CandidateTwin[];
  readonly quarantine: readonly QuarantineRecord[];
  /** Null where the legacy table has no row to decide on. */
  readonly today: Today | null;
  /** Null where the topic was not read; `notes` then says why. */
  readonly events: readonly TopicEvent[] | null;
  readonly notes: readonly string[];
  readonly verdict: Verdict;
}

export interface Identity {
  readonly kind:
    | 'legacy_row'
    | 'own_run'
    | 'script_copy'
    | 'live_run'
    | 'other_run'
    /** The ledger links to it, and it is gone from the canonical table. */
    | 'pruned_run'
    /** Our row that would come back if the live row of its legacy row went to another one. */
    | 'kept_run'
    /** `undo` took it back, and nothing has restored it yet. */
    | 'undone_run'
    | 'unknown';
  readonly text: string;
  readonly legacy_id: string | null;
  readonly canonical_run_id: string | null;
}

export interface LegacyRowNow {
  readonly id: string;
  readonly agent_context_id: string;
  readonly scenario: string;
  readonly overall_passed: boolean;
  readonly steps_passed: number;
  readonly steps_failed: number;
  readonly total_duration_ms: number | null;
  readonly summary: string | null;
  readonly dry_run: boolean | null;
  readonly user_id: string | null;
  readonly started_at: string;
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
  /** Of a twin: the pair may still be recomputed. */
  readonly unsettled: boolean;
  /** Our row is kept beside an unsettled twin, under this id. */
  readonly kept_run_id: string | null;
}

/** A decision that was taken back with its canonical row, as it comes back. */
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

/** On what a decision stands. */
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
  /** The fields that are different by now. */
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
  /** A live row, or a legacy row where a live row is explained. */
  readonly id: string;
  /** From the start of the legacy row to the test of the live one; negative where the live one is earlier. */
  readonly distance_seconds: number;
  readonly is: 'linked' | 'taken' | 'match' | 'weak' | 'different' | 'not_comparable';
  /** In what the two differ. */
  readonly differs_in: readonly string[];
  readonly why: string;
}

export interface QuarantineRecord {
  /** As `quarantine show` takes it. */
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
  /** What the rule alone says on today's look-ups, as of a row that was never seen, and before live rows are looked at. */
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
  /** How it stands to the newest event of the key that the ledger has. */
  readonly ledger: 'before' | 'newest' | 'quarantined' | 'not_applied' | 'nothing_to_apply';
  /** The offset that the projectors have stored is beyond it: an event that is not applied then needs a replay. */
  readonly passed: boolean;
}

export interface Verdict {
  readonly text: string;
  readonly next: string | null;
}
