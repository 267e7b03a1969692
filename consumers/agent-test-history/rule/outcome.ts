/** The decisions of the ledger, as a closed set. Each is one ledger value and one metric label. */
export const DECISIONS = [
  'projected',
  'twin',
  'adopted',
  'third_party',
  'anonymous',
  'opted_out',
  'orphaned',
  'gone',
  'quarantined',
] as const;
export type Decision = (typeof DECISIONS)[number];

/** Decisions that are linked to a canonical row. */
export type OwnerDecision = Extract<Decision, 'projected' | 'twin' | 'adopted'>;

export function isOwnerDecision(decision: Decision): decision is OwnerDecision {
  return decision === 'projected' || decision === 'twin' || decision === 'adopted';
}

/** Decisions on owners' runs that a live row would change. */
export type MatchableDecision = Extract<Decision, 'projected' | 'twin' | 'opted_out'>;

export function isMatchable(decision: Decision): decision is MatchableDecision {
  return decision === 'projected' || decision === 'twin' || decision === 'opted_out';
}

/** Decisions that leave a row without a canonical row, although the whole row and its look-ups were known. */
export type OpenDecision = Extract<Decision, 'third_party' | 'anonymous' | 'opted_out' | 'orphaned'>;

export function isOpenDecision(decision: Decision): decision is OpenDecision {
  return (
    decision === 'third_party' ||
    decision === 'anonymous' ||
    decision === 'opted_out' ||
    decision === 'orphaned'
  );
}

/** The reasons of projected rows. `owner` is provisional: the next sweep names the row. */
export const OWNER = 'owner';
export const HISTORY = 'history';
export const STRAGGLER = 'straggler';
export const LATE_OWNER = 'late_owner';

/** Must be increased when the rule changes, so that `redecide` knows which rows an older rule decided. */
export const RULE_VERSION = 2;
