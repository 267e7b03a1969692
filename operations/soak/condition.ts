/** The conditions under which the legacy table may go, in the order in which they are shown. */
export const CONDITION_IDS = [
  'canonical-live',
  'reading-canonical',
  'parity',
  'quarantine',
  'no-owner-writes',
  'no-updates',
  'no-readers',
  'third-party-plan',
  'archive',
] as const;
export type ConditionId = (typeof CONDITION_IDS)[number];

/** `unknown`: a fact gave no answer, or cannot be believed. It never counts as met. */
export const CONDITION_STATES = ['met', 'not_met', 'unknown', 'attested'] as const;
export type ConditionState = (typeof CONDITION_STATES)[number];

export interface Condition {
  readonly id: ConditionId;
  readonly state: ConditionState;
  /** Since when the condition's clock runs, or since when it is met; null where there is no such time. */
  readonly since: Date | null;
  /** When it will be met if nothing happens; null where that depends on a person, or is not known. */
  readonly metAt: Date | null;
  readonly evidence: string;
  /** What is missing; null where it is met. */
  readonly missing: string | null;
  /** How to mend it: a command, a statement, or what to do; null where only time is missing. */
  readonly fix: string | null;
  /** What it is about: ids of rows, runs, records or incidents, or names of objects and roles; at most 100. */
  readonly ids: readonly string[];
}

type Judged = Omit<Condition, 'id'>;
type Rest = Partial<Pick<Judged, 'since' | 'metAt' | 'ids'>>;

export function met(evidence: string, rest: Rest = {}): Judged {
  return { since: null, metAt: null, ids: [], ...rest, state: 'met', evidence, missing: null, fix: null };
}

export function attested(evidence: string, rest: Rest = {}): Judged {
  return { ...met(evidence, rest), state: 'attested' };
}

/** What is missing, and how to mend it. */
export interface Lack extends Rest {
  readonly missing: string;
  readonly fix: string | null;
}

export function notMet(evidence: string, { missing, fix, ...rest }: Lack): Judged {
  return { since: null, metAt: null, ids: [], ...rest, state: 'not_met', evidence, missing, fix };
}

export function unknown(evidence: string, { missing, fix, ...rest }: Lack): Judged {
  return { ...notMet(evidence, { missing, fix, ...rest }), state: 'unknown' };
}

export function holds({ state }: Pick<Condition, 'state'>): boolean {
  return state === 'met' || state === 'attested';
}

export type { Judged };
