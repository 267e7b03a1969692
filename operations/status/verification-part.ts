import { valueOf } from '../facts/answer.ts';
import { checkedRows, verificationState, type VerificationState } from '../facts/verification.ts';
import type { Look } from './lookout.ts';

/** What `project` has verified again. No number says 0 because nothing has looked. */
export interface VerificationPart {
  readonly state: VerificationState;
  readonly why: string;
  readonly checked: {
    /** In the last pass over everything, or, before its end, so far; and rows that changed. */
    readonly rows: number;
    /** ISO time of the last step; null before the first. */
    readonly at: string | null;
    /** Every row was compared after this; null before the end of the first pass. */
    readonly everyRowSince: string | null;
    /** Every change before this was compared. */
    readonly changesUntil: string;
    /** The age of the oldest row, or change of a row, that may not have been compared since; null before the first pass. */
    readonly oldestUnverifiedSeconds: number | null;
  };
  readonly waiting: number;
  /** Null while that is not known. */
  readonly wrong: number | null;
  readonly accepted: number;
  readonly kinds: Readonly<Record<string, number>>;
  readonly ids: readonly string[];
  /** Of all projectors together. */
  readonly rowsPerSecond: number;
  readonly heldBy: string | null;
}

export function verificationOf({ answers }: Look): VerificationPart | null {
  const facts = valueOf(answers.verification) ?? null;
  if (facts === null) return null;
  const { state, why } = verificationState(facts);
  const { lastPass, changesUntilSecondsAgo } = facts;
  return {
    ...{ state, why },
    checked: {
      rows: checkedRows(facts),
      at: facts.movedAt?.toISOString() ?? null,
      everyRowSince: lastPass === null ? null : new Date(lastPass.beganAt).toISOString(),
      changesUntil: facts.changesUntil.toISOString(),
      oldestUnverifiedSeconds:
        lastPass === null ? null : Math.max(lastPass.secondsSinceBegin, changesUntilSecondsAgo),
    },
    waiting: facts.suspects + facts.waitingRows,
    wrong: state === 'unknown' ? null : facts.wrong,
    ...{ accepted: facts.accepted, kinds: facts.kinds, ids: facts.ids },
    ...{ rowsPerSecond: facts.rowsPerSecond, heldBy: facts.heldBecause },
  };
}
