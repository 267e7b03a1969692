import { GROUPS, type Check } from '../operations/checks/check.ts';
import type { CheckResult } from '../operations/checks/judge.ts';
import type { DoctorReport } from '../operations/doctor/doctor.ts';
import type { Verdict } from '../operations/checks/verdict.ts';
import { renderTable } from '../lib/table.ts';

const MARKS: Readonly<Record<Verdict, string>> = {
  ok: 'ok',
  failed: 'FAILED',
  warning: 'warning',
  not_yet: 'not yet',
  unknown: 'unknown',
};

/** Grouped, one line a check; below a check that is not well, what to do. */
export function renderDoctor(report: DoctorReport): string {
  const width = Math.max(...report.checks.map(({ id }) => id.length));
  const groups = Object.entries(GROUPS).flatMap(([group, title]) => {
    const checks = report.checks.filter((result) => result.group === group);
    return checks.length === 0 ? [] : [title, ...checks.map((result) => checkLines(result, width)), ''];
  });
  return [...groups, ...summary(report)].join('\n');
}

function checkLines(result: CheckResult, width: number): string {
  const { id, verdict, title, evidence, fix } = result;
  const line = `  ${MARKS[verdict].padEnd(7)}  ${id.padEnd(width)}  `;
  if (verdict === 'ok') return `${line}${evidence}`;
  if (verdict === 'unknown') return `${line}cannot tell whether ${title}: ${evidence}`;
  const found = `${line}${evidence}${verdict === 'not_yet' ? '' : ` (expected: ${title})`}`;
  // One command brings about many things: it stands in the last line, once.
  if (fix === null || verdict === 'not_yet') return found;
  return [found, ...fix.split('\n').map((each) => `             ${each}`)].join('\n');
}

function summary({ counts, mayGoOn, deployed, first }: DoctorReport): string[] {
  const shown = (['ok', 'failed', 'warning', 'not_yet', 'unknown'] as const).filter(
    (verdict) => verdict === 'ok' || counts[verdict] > 0,
  );
  const line = shown
    .map((verdict) => `${String(counts[verdict])} ${MARKS[verdict].toLowerCase()}`)
    .join(', ');
  const answer = mayGoOn
    ? deployed
      ? 'nothing is in the way'
      : 'nothing is in the way: you may go on'
    : counts.failed > 0
      ? 'do not go on before what has failed is mended'
      : 'do not go on before what is unknown is known';
  return [
    `${line}: ${answer}`,
    ...(first === null ? [] : [`first (${first.id}): ${first.fix.split('\n').join('\n  ')}`]),
  ];
}

export function renderChecks(checks: readonly Check[]): string {
  return renderTable(
    ['check', 'severity', 'holds where all is well'],
    checks.map(({ id, severity, title }) => [id, severity, title]),
  );
}
