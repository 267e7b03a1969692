import type { Metrics } from '../../lib/metrics.ts';
import {
  checkedRows,
  verificationState,
  type VerificationFacts,
  type VerificationState,
} from '../facts/verification.ts';

const STATES: readonly VerificationState[] = ['good', 'wrong', 'unverified', 'unknown'];

/** Shows what is stored. What is not known has no sample: a 0 would say that nothing is wrong. */
export function showVerification(
  metrics: Pick<Metrics, 'verification' | 'verificationState' | 'verifiedUntil'>,
  facts: VerificationFacts | null | undefined,
): void {
  const { state } = verificationState(facts ?? null);
  for (const one of STATES) metrics.verificationState.set({ state: one }, one === state ? 1 : 0);
  metrics.verification.reset();
  metrics.verifiedUntil.reset();
  if (facts === null || facts === undefined) return;
  const { lastPass, changesUntil, suspects, waitingRows, wrong } = facts;
  metrics.verifiedUntil.set({ of: 'changes' }, changesUntil.getTime() / 1000);
  if (lastPass !== null) metrics.verifiedUntil.set({ of: 'every_row' }, Date.parse(lastPass.beganAt) / 1000);
  metrics.verification.set({ rows: 'checked' }, checkedRows(facts));
  metrics.verification.set({ rows: 'waiting' }, suspects + waitingRows);
  if (state !== 'unknown') metrics.verification.set({ rows: 'wrong' }, wrong);
}
