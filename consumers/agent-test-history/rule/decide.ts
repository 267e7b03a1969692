import { canonicalRunId } from './canonical-run-id.ts';
import { classify, isOwner, type Classification, type OptOutPolicy } from './classify.ts';
import { isComplete, UNAVAILABLE, unusable } from '../record/event.ts';
import type { CompleteRow, DeleteEvent, ImageEvent, Unavailable, UnusableEvent } from '../record/event.ts';
import type { RowFacts, LedgerEntry } from './row-facts.ts';
import { wasMoved } from './moved.ts';
import {
  HISTORY,
  isOpenDecision,
  isOwnerDecision,
  LATE_OWNER,
  OWNER,
  STRAGGLER,
  type Decision,
} from './outcome.ts';
import { fingerprintOf, profileHashOf } from './fingerprint.ts';

/** The reason of an owner's run whose row was moved to somebody else's agent: its canonical row stays as it is. */
export const MOVED_AWAY = 'moved_to_agent_not_owned';

/** Reasons that an image leaves as they are. Other reasons of projected rows are decided again. */
const NAMES: ReadonlySet<string> = new Set([HISTORY, STRAGGLER, LATE_OWNER]);

/** The effect of one event, as a closed set. */
export type Effect = RecordDecision | LaterImage | SeenAgain | MarkDeleted | Quarantine;

/** A decision on a row that has no canonical row yet. `projected` writes one. */
export interface RecordDecision {
  readonly effect: 'record';
  readonly event: ImageEvent & { readonly row: CompleteRow };
  readonly facts: RowFacts;
  readonly decision: Exclude<Decision, 'gone' | 'quarantined'>;
  readonly reason: string;
  readonly canonicalRunId: string | null;
  /** Null if the run is not an owner's, or if it is linked to a copy of the script. */
  readonly run: OwnersRun | null;
  /** False if values are missing that the decision does not need. They are empty here, and nothing is hashed. */
  readonly readable: boolean;
}

export interface OwnersRun {
  /** What is compared with live rows; null for history from before the first live row. */
  readonly fingerprint: string | null;
  readonly profileHash: string | null;
  /** The decision if there is no live twin. */
  readonly otherwise: 'projected' | 'opted_out';
}

/** A later image of a row that has a canonical row. */
export interface LaterImage {
  readonly effect: 'later_image';
  readonly event: ImageEvent;
  readonly facts: RowFacts;
  readonly canonicalRunId: string;
  readonly reason: string;
  /** True if the image is written to our canonical row. */
  readonly applies: boolean;
  /**
   * True if agent, stage, organisation and provenance change with it: the row was moved to another agent of its owner.
   */
  readonly follows: boolean;
  /** False if values are missing that no longer exist anywhere. The content hash then stays as it was. */
  readonly readable: boolean;
}

/** A snapshot read the row as the ledger has it, so only the position moves on. */
export interface SeenAgain {
  readonly effect: 'seen_again';
  readonly event: ImageEvent;
  readonly facts: RowFacts;
}

export interface MarkDeleted {
  readonly effect: 'mark_deleted';
  readonly event: DeleteEvent;
  readonly facts: RowFacts;
}

/** The record goes to the quarantine. The key gets the decision `quarantined` if it has no canonical row. */
export interface Quarantine {
  readonly effect: 'quarantine';
  readonly event: UnusableEvent;
  readonly recordsDecision: boolean;
}

/** The effect of an image; undefined if values must first be read from the legacy table. */
export function decideImage(event: ImageEvent, facts: RowFacts, policy: OptOutPolicy): Effect | undefined {
  const { entry } = facts;
  if (entry !== null && isOwnerDecision(entry.decision) && entry.canonicalRunId !== null) {
    if (!isComplete(event.row) && !holdsLastImage(entry, facts)) return undefined;
    return laterImage(event, facts, { entry, canonicalRunId: entry.canonicalRunId });
  }
  const { row } = event;
  if (!isComplete(row)) return undefined;
  return recordDecision({ ...event, row }, facts, { ...classify(row, facts, policy), readable: true });
}

function recordDecision(
  event: RecordDecision['event'],
  facts: RowFacts,
  classified: Classification & Pick<RecordDecision, 'readable'>,
): RecordDecision {
  const { decision, reason, readable } = classified;
  const { row } = event;
  const id =
    decision === 'projected'
      ? canonicalRunId(event.legacyId)
      : decision === 'adopted'
        ? classified.canonicalRunId
        : null;
  const run =
    decision === 'projected' || decision === 'opted_out' ? ownersRun(row, decision, facts.inWindow) : null;
  return { effect: 'record', event, facts, decision, reason, canonicalRunId: id, run, readable };
}

function ownersRun(row: CompleteRow, otherwise: OwnersRun['otherwise'], inWindow: boolean): OwnersRun {
  // A projected run from before the live path needs no fingerprint, because its canonical row has the same values. An
  // opted-out run has no canonical row, so its fingerprint is kept in the ledger.
  if (!inWindow && otherwise === 'projected') return { fingerprint: null, profileHash: null, otherwise };
  const { summary: headline, totalDurationMs, overallPassed: passing } = row;
  return {
    fingerprint: fingerprintOf({ headline, totalDurationMs, passing }),
    profileHash: profileHashOf(row.agentProfileJson),
    otherwise,
  };
}

/**
 * The effect of an image with missing values whose row is gone from the legacy table, too. If our canonical row needs
 * the values, it stays as it is, and the record is parked.
 */
export function decideUnreadable(event: ImageEvent, facts: RowFacts, policy: OptOutPolicy): Effect {
  const { entry } = facts;
  const without = entry?.canonicalRunId == null ? decideWithout(event, facts, policy) : undefined;
  if (without !== undefined) return without;
  if (entry?.canonicalRunId == null || isOwnRow(entry, facts)) {
    const detail = 'values were left out, and the row is gone from the legacy table';
    return decideUnusable(unusable(event, 'value_unavailable', detail), facts);
  }
  const later = laterImage(event, facts, { entry, canonicalRunId: entry.canonicalRunId });
  return { ...later, applies: false, follows: false, readable: false };
}

/**
 * The decision on a row without a canonical row, if it does not need the missing values. Undefined if it needs one of
 * them: the user, if the ledger does not have it either; every value, if the run would be projected; the headline, if
 * the run is opted out and may have a live twin.
 */
function decideWithout(event: ImageEvent, facts: RowFacts, policy: OptOutPolicy): RecordDecision | undefined {
  const { row } = event;
  const userMissing = row.userId === UNAVAILABLE;
  // Only an open decision knows the user. A parked record of the key would have replaced it.
  if (userMissing && (facts.entry === null || !isOpenDecision(facts.entry.decision))) return undefined;
  const present = <T>(value: T | Unavailable) => (value === UNAVAILABLE ? null : value);
  const known: CompleteRow = {
    ...row,
    scenario: present(row.scenario) ?? '',
    summary: present(row.summary),
    userId: facts.userId,
    agentProfileJson: present(row.agentProfileJson),
    storyboards: present(row.storyboards),
  };
  const classified = classify(known, facts, policy);
  if (classified.decision === 'projected') return undefined;
  if (classified.decision === 'opted_out' && row.summary === UNAVAILABLE) {
    if (facts.inWindow) return undefined;
    return {
      ...recordDecision({ ...event, row: known }, facts, { ...classified, readable: false }),
      run: null,
    };
  }
  return recordDecision({ ...event, row: known }, facts, { ...classified, readable: false });
}

export function decideUnusable(event: UnusableEvent, facts: RowFacts | null): Quarantine {
  // An owner decision is never taken back because a later record cannot be read.
  const isUndone = event.leavesUndone === true && facts?.undone != null;
  const recordsDecision = event.legacyId !== null && facts?.entry?.canonicalRunId == null && !isUndone;
  return { effect: 'quarantine', event, recordsDecision };
}

/**
 * True if our canonical row has the values that an event left out. It does not have them if it missed an image, because
 * that image was not applied or is in quarantine. Taking a value from it then would silently bring back an old value.
 */
function holdsLastImage(entry: LedgerEntry, facts: RowFacts): boolean {
  return isOwnRow(entry, facts) && entry.reason !== MOVED_AWAY && !facts.hasOpenQuarantine;
}

function isOwnRow({ decision }: LedgerEntry, { runExists }: RowFacts): boolean {
  return decision === 'projected' && runExists;
}

interface Decided {
  readonly entry: LedgerEntry;
  readonly canonicalRunId: string;
}

function laterImage(event: ImageEvent, facts: RowFacts, { entry, canonicalRunId: id }: Decided): LaterImage {
  const common = { effect: 'later_image', event, facts, canonicalRunId: id, readable: true } as const;
  // The live path's row and the script's copy are linked, never rewritten.
  if (entry.decision !== 'projected')
    return { ...common, reason: entry.reason, applies: false, follows: false };
  const reason = NAMES.has(entry.reason) ? entry.reason : OWNER;
  if (!wasMoved(event, entry)) return { ...common, reason, applies: true, follows: false };
  if (isOwner(facts)) return { ...common, reason, applies: true, follows: true };
  // The user does not own the new agent, so the image is not applied there; and an owner decision is never taken back
  // silently. The row stays, and `redecide` lists it.
  return { ...common, reason: MOVED_AWAY, applies: false, follows: false };
}
