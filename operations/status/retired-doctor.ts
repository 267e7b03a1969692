import type { CheckResult } from '../checks/judge.ts';
import type { Verdict } from '../checks/verdict.ts';
import type { DoctorReport } from '../doctor/doctor.ts';
import type { RetiredReport } from './after-drop.ts';
import { leftId, LOOKED_AT, type RetiredProblem } from './retired-problems.ts';

const VERDICTS = { wrong: 'failed', unknown: 'unknown', attention: 'warning' } as const;

/** What `doctor` says after the drop, in its own form: one check for each thing that should be gone, and for the archive. */
export function retiredDoctor(report: RetiredReport): DoctorReport {
  const titles = [
    ...Object.entries(LOOKED_AT),
    ...report.parts.map((part) => [leftId(part), `the ${part.id} is gone, or stays on purpose`] as const),
  ];
  const checks = titles.map(([id, title]) =>
    resultOf(
      id,
      title,
      report.problems.find((each) => each.id === id),
    ),
  );
  const count = (verdict: Verdict) => checks.filter((check) => check.verdict === verdict).length;
  return {
    deployed: true,
    checks,
    counts: {
      ...{ ok: count('ok'), failed: count('failed'), warning: count('warning') },
      ...{ not_yet: 0, unknown: count('unknown') },
    },
    mayGoOn: count('failed') + count('unknown') === 0,
    first: report.next,
  };
}

function resultOf(id: string, title: string, problem: RetiredProblem | undefined): CheckResult {
  const severity = id === 'archive-drilled' ? 'warning' : 'error';
  const base = { id, group: 'end', severity, title, step: null } as const;
  if (problem === undefined) return { ...base, verdict: 'ok', evidence: title, fix: null };
  return { ...base, verdict: VERDICTS[problem.severity], evidence: problem.evidence, fix: problem.fix };
}
