import type { SweepTotals } from '../consumers/agent-test-history/sweep/sweep-totals.ts';

/** What sweeps came to, as facts. */
export function sweepFacts(totals: SweepTotals) {
  return {
    sweeps: totals.sweeps,
    absorbed: totals.absorbed,
    relinked: totals.relinked,
    late_owners: totals.lateOwners,
    settled: totals.settled,
    blocked: totals.blocked,
    late_owners_reported: totals.lateOwnersReported,
  };
}

/** The same in a line: what was put right, and what waits for a person. */
export function renderSweeps(totals: SweepTotals): string {
  const { sweeps, absorbed, relinked, lateOwners, blocked, lateOwnersReported } = totals;
  const count = (number: number) => number.toLocaleString('en');
  return [
    `${count(sweeps)}: live rows that took over ${count(absorbed)}`,
    `links that changed ${count(relinked)}`,
    `late owners ${count(lateOwners)}`,
    ...(blocked > 0 ? [`blocked ${count(blocked)}`] : []),
    ...(lateOwnersReported > 0 ? [`too late to decide anew ${count(lateOwnersReported)}`] : []),
  ].join(', ');
}
