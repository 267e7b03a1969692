/** The verification that runs inside `project`. */
import { spanText } from '../../lib/figures.ts';
import { valueOf } from '../facts/answer.ts';
import { verificationState, type VerificationFacts } from '../facts/verification.ts';
import { checksOf, error } from './check.ts';
import { failed, notYet, ok, unknown, warning, type Judgement } from './verdict.ts';

const count = (rows: number) => rows.toLocaleString('en');
const LIST =
  "SELECT kind, legacy_id, canonical_run_id, fields FROM history_cdc.reconcile_finding WHERE state = 'confirmed' AND run_id = (SELECT run_id FROM history_cdc.verification) LIMIT 20;";

export const VERIFICATION_CHECKS = checksOf('ledger', {
  verification: error(
    'what was projected is verified again and again, and nothing is wrong',
    ['verification'],
    ({ verification }, _, { projectors, decisions }) => {
      if (verification === undefined) return notYet('there is no ledger yet', 'migrate');
      const isEmpty = valueOf(decisions)?.length === 0;
      if (verification === null && isEmpty) return ok('there is nothing to verify yet');
      return judge(verification, valueOf(projectors) === 0);
    },
    { also: ['projectors', 'decisions'] },
  ),
});

function judge(facts: VerificationFacts | null, noneRuns: boolean): Judgement {
  const { state, why } = verificationState(facts);
  const found = facts === null ? why : `${why}; ${figures(facts)}`;
  switch (state) {
    case 'wrong':
      return failed(`wrong: ${found}`, LIST);
    case 'good':
      return ok(found);
    case 'unverified':
      return warning(found, 'history-cdc reconcile  # compares everything at once');
    case 'unknown':
      // That none runs is said by projector-runs. Nothing is verified meanwhile, so this is not good either.
      return noneRuns ? warning(`not known: ${found}`, 'history-cdc project') : unknown(found);
  }
}

/** What was compared, and until when. */
export function figures({
  lastPass,
  changesUntilSecondsAgo,
  suspects,
  waitingRows,
}: VerificationFacts): string {
  const every =
    lastPass === null
      ? 'no pass over everything has ended'
      : `every row was compared in the last ${spanText(lastPass.secondsSinceBegin)}`;
  return `${every}; changes are compared up to ${spanText(changesUntilSecondsAgo)} ago, ${count(suspects + waitingRows)} wait`;
}
