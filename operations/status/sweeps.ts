import type { EndedSweep, LastSweeps } from '../../consumers/agent-test-history/sweep/last-sweep.ts';
import { restSeconds } from '../../consumers/agent-test-history/sweep/sweeper.ts';
import { spanText } from '../facts/wal.ts';

/** So many sweeps in a row do not come late by chance. */
const LATE_SWEEPS = 4;
/** For whoever starts a projector anew, and for what a sweep waits for. */
const ALLOWANCE_SECONDS = 60;

/** The one that ended last, well or not; null where none has ended yet. */
export function lastEnded({ done, failed }: LastSweeps): EndedSweep | null {
  return hasFailed({ done, failed }) || done === null ? failed : done;
}

export function hasFailed({ done, failed }: LastSweeps): boolean {
  return failed !== null && (done === null || failed.endedAt > done.endedAt);
}

/** True where a projector that sweeps every `intervalSeconds` should have ended several sweeps since. */
export function isLate({ seconds, secondsAgo }: EndedSweep, intervalSeconds: number): boolean {
  const fromOneToTheNext = restSeconds(intervalSeconds, seconds) + seconds;
  return secondsAgo > ALLOWANCE_SECONDS + LATE_SWEEPS * fromOneToTheNext;
}

/** As the end of a sentence. */
export function endedText(last: EndedSweep | null): string {
  return last === null ? 'no sweep has ended yet' : `the last sweep ended ${spanText(last.secondsAgo)} ago`;
}
