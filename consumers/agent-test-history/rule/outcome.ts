/** The decisions of the ledger, a closed set: each is one ledger value and one metric label. */
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

/** The decisions that stand on one canonical row each. */
export type OwnerDecision = Extract<Decision, 'projected' | 'twin' | 'adopted'>;

export function isOwnerDecision(decision: Decision): decision is OwnerDecision {
  return decision === 'projected' || decision === 'twin' || decision === 'adopted';
}

/** The decisions on owners' runs that depend on the live path, or would if a live row came. */
export type MatchableDecision = Extract<Decision, 'projected' | 'twin' | 'opted_out'>;

export function isMatchable(decision: Decision): decision is MatchableDecision {
  return decision === 'projected' || decision === 'twin' || decision === 'opted_out';
}

/** The decisions that a whole row and its look-ups gave, and that have no canonical row. */
export type OpenDecision = Extract<Decision, 'third_party' | 'anonymous' | 'opted_out' | 'orphaned'>;

export function isOpenDecision(decision: Decision): decision is OpenDecision {
  return (
    decision === 'third_party' ||
    decision === 'anonymous' ||
    decision === 'opted_out' ||
    decision === 'orphaned'
  );
}

/** Reasons of projected rows: which kind each is. `owner` is a row that has no name yet; the next sweep names it. */
export const OWNER = 'owner';
export const HISTORY = 'history';
export const STRAGGLER = 'straggler';
export const LATE_OWNER = 'late_owner';

/** Grows when the rule that decides changes, so that `redecide` knows which rows were decided by an older one. */
export const RULE_VERSION = 2;
