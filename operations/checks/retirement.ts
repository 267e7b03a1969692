/** Whether the stage of the legacy table that was recorded is the one that stands (operations/retire). */
import { spanText } from '../../lib/figures.ts';
import type { RetirementFacts } from '../facts/retirement.ts';
import { isFenced, type FenceState } from '../fence/state.ts';
import { checksOf, error } from './check.ts';
import { failed, notYet, ok, unknown, type Judgement } from './verdict.ts';

export const RETIREMENT_CHECKS = checksOf('ledger', {
  'retirement-stage': error(
    'the recorded stage of the legacy table is the one that stands',
    ['retirement', 'fence'],
    ({ retirement, fence }) =>
      retirement === undefined ? notYet('there is no ledger yet', 'migrate') : judge(retirement, fence),
  ),
});

function judge(retirement: RetirementFacts, state: FenceState): Judgement {
  const { stage } = retirement;
  if (stage === 'dropped')
    return state.tableOid === null
      ? ok('stage dropped, and the table is gone')
      : failed(
          'stage dropped, and a table agent_test_history is there: somebody has made one again',
          'history-cdc retire check  # then find out who made it: nothing of this project reads it any more',
        );
  if (state.tableOid === null) return unknown('the table is not there (see legacy-table)');
  if (stage === 'soaking' || stage === 'ready')
    return state.fence === null
      ? ok(`stage ${stage}; ${soakText(retirement)}`)
      : failed(
          `stage ${stage}, and a fence stands around the table: every write is refused. A \`retire fence\` did not come to its end`,
          'history-cdc retire unfence --apply --by "your name"  # or, to go on: history-cdc retire fence --apply --by "your name"',
        );
  return isFenced(state)
    ? ok(`stage ${stage}, and the fence is whole`)
    : failed(
        `stage ${stage}, and the fence is not whole: ${state.holes.join('; ') || 'there is none'}. Rows may have been written behind it`,
        'history-cdc retire unfence --apply --by "your name"  # takes the rest away; the soak begins again',
      );
}

function soakText({ lookedAt, held, conditions }: RetirementFacts): string {
  if (lookedAt === null) return 'nobody has looked at the soak yet';
  const ago = spanText(Math.max(0, (Date.now() - lookedAt.getTime()) / 1000));
  return `${String(held)} of ${String(conditions)} conditions of the soak held ${ago} ago`;
}
