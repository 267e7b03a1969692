import type { SweepResult } from './sweep.ts';

/** What the sweeps of a run did, in sum. */
export interface SweepTotals {
  readonly sweeps: number;
  /** Canonical rows of ours that were replaced by a live row that came later. */
  readonly absorbed: number;
  readonly relinked: number;
  /** Runs that were decided again because the membership of their user came late. */
  readonly lateOwners: number;
  readonly settled: number;
  /** By the last sweep: live rows that cannot replace ours, and runs whose membership came after the grace window. */
  readonly blocked: number;
  readonly lateOwnersReported: number;
  /** By the last sweep: owners' runs that the live path did not record while it was up. */
  readonly stragglers: number;
}

export const NO_SWEEPS: SweepTotals = {
  sweeps: 0,
  absorbed: 0,
  relinked: 0,
  lateOwners: 0,
  settled: 0,
  blocked: 0,
  lateOwnersReported: 0,
  stragglers: 0,
};

export function addSweep(total: SweepTotals, result: SweepResult): SweepTotals {
  return {
    sweeps: total.sweeps + 1,
    absorbed: total.absorbed + result.absorbed.length,
    relinked: total.relinked + result.relinked.length,
    lateOwners: total.lateOwners + result.lateOwners.flipped.size,
    settled: total.settled + result.settled,
    blocked: result.blocked.size,
    lateOwnersReported: result.lateOwners.reported.length,
    stragglers: result.stragglers,
  };
}
