/** Whether sweeps come, and do their work. */
import { restSeconds } from '../../consumers/agent-test-history/sweep/sweeper.ts';
import { countText, spanText } from '../../lib/figures.ts';
import { identifier, sql } from '../../lib/quoting.ts';
import { valueOf } from '../facts/answer.ts';
import type { Answers } from '../facts/facts.ts';
import type { EndedSweep, LastSweeps } from '../facts/ledger.ts';
import type { Circumstances } from './check.ts';
import { notYet, ok, warning, type Judgement } from './verdict.ts';

const NO_LEDGER = notYet('there is no ledger yet', 'migrate');

/** So many sweeps in a row do not come late by chance. */
const LATE_SWEEPS = 4;
/** For a projector that is started anew, and for what a sweep waits for. */
const ALLOWANCE_SECONDS = 60;

export function judgeLate({ twins, sweeps, projectors }: Answers, intervalSeconds: number): Judgement {
  if (valueOf(twins) === undefined) return NO_LEDGER;
  const { due = 0, overdue = 0 } = valueOf(twins) ?? {};
  const stored = valueOf(sweeps);
  const last = stored === undefined ? null : lastEnded(stored);
  const ended =
    stored === undefined
      ? 'when a sweep last ended is not known'
      : last === null
        ? 'no sweep has ended yet'
        : `the last sweep ended ${spanText(last.secondsAgo)} ago`;
  if (overdue > 0)
    return warning(
      `${countText(overdue)} twins should have been settled half an hour ago, and ${ended}`,
      'history-cdc sweep',
    );
  // Without a projector nobody promises to sweep so often.
  const isPromised = intervalSeconds > 0 && (valueOf(projectors) ?? 0) > 0;
  if (!isPromised || due === 0 || last === null || !isLate(last, intervalSeconds)) return ok(ended);
  return warning(
    `${countText(due)} twins wait to be settled, and ${ended}: one should come every ${String(intervalSeconds)} s`,
    'history-cdc sweep',
  );
}

/** The one that ended last, well or not; null where none has ended yet. */
function lastEnded(sweeps: LastSweeps): EndedSweep | null {
  return hasFailed(sweeps) || sweeps.done === null ? sweeps.failed : sweeps.done;
}

export function hasFailed({ done, failed: last }: LastSweeps): boolean {
  return last !== null && (done === null || last.endedAt > done.endedAt);
}

/** True where a projector that sweeps every `intervalSeconds` should have ended several sweeps since. */
function isLate({ seconds, secondsAgo }: EndedSweep, intervalSeconds: number): boolean {
  const fromOneToTheNext = restSeconds(intervalSeconds, seconds) + seconds;
  return secondsAgo > ALLOWANCE_SECONDS + LATE_SWEEPS * fromOneToTheNext;
}

export function judgeSweeps(sweeps: LastSweeps | undefined): Judgement {
  const last = sweeps?.failed ?? null;
  if (sweeps === undefined || last === null || !hasFailed(sweeps)) return ok('none failed');
  const { done } = sweeps;
  const before =
    done === null ? 'none has done its work yet' : `the last good one ended ${spanText(done.secondsAgo)} ago`;
  return warning(
    `the last sweep failed ${spanText(last.secondsAgo)} ago (${last.errorCode}); ${before}`,
    'history-cdc sweep  # says why, as the log of the projector does',
  );
}

/** Mostly a role that may not look: nothing is lost by that. */
export function sweepsNotTold(why: string, { config: { DATABASE_URL: url } }: Circumstances): Judgement {
  const role = url === undefined ? '' : decodeURIComponent(new URL(url).username);
  return warning(
    `when the last sweep was is not known: ${why}`,
    sql`GRANT SELECT ON history_cdc.last_sweep TO ${identifier(role)};`,
  );
}
