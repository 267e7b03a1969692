import { countText, spanText } from '../../lib/figures.ts';
import type { SweepCounts } from '../../consumers/agent-test-history/sweep/last-sweep.ts';
import { hasFailed } from '../checks/sweeps.ts';
import type { SweeperPart } from './report.ts';

/** The state of the sweeper, beginning with the last sweep that ended. */
export function renderLastSweep(last: SweeperPart['last']): string {
  if (last === null) return 'the time of the last sweep is not known';
  if (last === 'not_stored') return 'this ledger does not store sweeps yet (history-cdc migrate)';
  const { done, failed } = last;
  const good = done === null ? null : `${spanText(done.secondsAgo)} ago: ${countsText(done)}`;
  if (failed !== null && hasFailed(last)) {
    const before = good === null ? '' : `, the last good one ${good}`;
    return `last sweep FAILED ${spanText(failed.secondsAgo)} ago (${failed.errorCode})${before}`;
  }
  return good === null ? 'no sweep has ended yet' : `last sweep ${good}`;
}

function countsText(counts: SweepCounts): string {
  const parts = [
    [counts.absorbed, 'replaced by live rows'],
    [counts.relinked, 'links changed'],
    [counts.lateOwners, 'late owners'],
    [counts.settled, 'twins settled'],
    [counts.blocked, 'blocked'],
    [counts.lateOwnersReported, 'late owners beyond the grace window'],
  ] as const;
  const told = parts.filter(([number]) => number > 0).map(([number, what]) => `${countText(number)} ${what}`);
  return told.length === 0 ? 'nothing to do' : told.join(', ');
}
