import { countText } from '../lib/figures.ts';
import type { SweepTotals } from '../consumers/agent-test-history/sweep/sweep-totals.ts';

/** The result of the sweeps in one line: what was corrected, and what waits for a person. */
export function renderSweeps(totals: SweepTotals): string {
  const { sweeps, absorbed, relinked, lateOwners, blocked, lateOwnersReported, stragglers } = totals;
  return [
    `${countText(sweeps)}: rows replaced by live rows ${countText(absorbed)}`,
    `links that changed ${countText(relinked)}`,
    `late owners ${countText(lateOwners)}`,
    ...(stragglers > 0 ? [`stragglers ${countText(stragglers)}`] : []),
    ...(blocked > 0 ? [`blocked ${countText(blocked)}`] : []),
    ...(lateOwnersReported > 0 ? [`too late to decide again ${countText(lateOwnersReported)}`] : []),
  ].join(', ');
}
