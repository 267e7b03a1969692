import type { LastSweeps } from '../../consumers/agent-test-history/sweep/last-sweep.ts';
import type { Config } from '../../lib/config.ts';
import { spanText } from '../facts/wal.ts';
import type { StatusFacts } from './facts.ts';
import { notTold, type Problem } from './problem.ts';
import { ledgerSums } from './sums.ts';
import { endedText, hasFailed, isLate, lastEnded } from './sweeps.ts';
import { identifier, sql } from '../../lib/quoting.ts';

/** Whether anybody sweeps, and what the sweeps left for a person. */
export function sweeperProblems(facts: StatusFacts, config: Config): Problem[] {
  const { twins, sweeps } = facts;
  const problem = { section: 'sweeper', severity: 'attention', fix: 'history-cdc sweep' } as const;
  const late = twins.known ? lateEvidence(facts, config.SWEEP_INTERVAL_SECONDS) : null;
  const blocked = ledgerSums(facts).blocked ?? 0;
  return [
    ...(twins.known ? [] : [notTold('sweeper', twins.why)]),
    ...(twins.known && !sweeps.known ? [sweepsNotTold(sweeps.why, config)] : []),
    ...(sweeps.known ? failedProblems(sweeps.value) : []),
    ...(late === null ? [] : [{ ...problem, id: 'sweeper-late', evidence: late }]),
    ...(blocked === 0
      ? []
      : [
          {
            ...problem,
            id: 'twins-blocked',
            evidence: `${blocked.toLocaleString('en')} live rows cannot take over from ours: something refers to ours`,
          },
        ]),
  ];
}

/** Why a sweep should have come and did not, as evidence; null where none is missed. */
function lateEvidence({ twins, sweeps, projectors }: StatusFacts, intervalSeconds: number): string | null {
  const { due = 0, overdue = 0 } = twins.known ? (twins.value ?? {}) : {};
  const stored = sweeps.known ? sweeps.value : undefined;
  const last = stored === undefined ? null : lastEnded(stored);
  const ended = stored === undefined ? 'when a sweep last ended is not known' : endedText(last);
  if (overdue > 0)
    return `${overdue.toLocaleString('en')} twins should have been settled half an hour ago, and ${ended}`;
  // Without a projector nobody promises to sweep so often.
  const promised = intervalSeconds > 0 && projectors.known && projectors.value > 0;
  if (!promised || due === 0 || last === null || !isLate(last, intervalSeconds)) return null;
  return `${due.toLocaleString('en')} twins wait to be settled, and ${ended}: one should come every ${String(intervalSeconds)} s`;
}

function failedProblems(sweeps: LastSweeps | undefined): Problem[] {
  if (sweeps === undefined || sweeps.failed === null || !hasFailed(sweeps)) return [];
  const { done, failed } = sweeps;
  const before =
    done === null ? 'none has done its work yet' : `the last good one ended ${spanText(done.secondsAgo)} ago`;
  return [
    {
      ...{ id: 'sweep-failed', section: 'sweeper', severity: 'attention' },
      evidence: `the last sweep failed ${spanText(failed.secondsAgo)} ago (${failed.errorCode}); ${before}`,
      fix: 'history-cdc sweep  # says why, as the log of the projector does',
    },
  ];
}

/** Mostly a role that may not look: nothing is lost by that. */
function sweepsNotTold(why: string, { DATABASE_URL: url }: Config): Problem {
  const role = url === undefined ? '' : decodeURIComponent(new URL(url).username);
  return {
    ...{ id: 'sweeps-known', section: 'sweeper', severity: 'attention' },
    evidence: `when the last sweep was is not known: ${why}`,
    fix: sql`GRANT SELECT ON history_cdc.last_sweep TO ${identifier(role)};`,
  };
}
