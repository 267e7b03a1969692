import { GROUPS, type Check } from '../operations/checks/check.ts';
import type { CheckResult } from '../operations/checks/judge.ts';
import type { DoctorReport } from '../operations/doctor/doctor.ts';
import { STEPS, type Step, type Verdict } from '../operations/checks/verdict.ts';
import { renderColumns, renderTable } from '../lib/table.ts';

const MARKS: Readonly<Record<Verdict, string>> = {
  ok: 'ok',
  failed: 'FAILED',
  warning: 'warning',
  not_yet: 'not yet',
  unknown: 'unknown',
};

/**
 * One line per check, in groups. Below each check that is not ok stands its remedy. Checks that wait for a step of the
 * deployment are named once, by step: before a deployment they are more than half of all.
 */
export function renderDoctor(report: DoctorReport): string {
  const width = Math.max(...report.checks.map(({ id }) => id.length));
  const groups = Object.entries(GROUPS).flatMap(([group, title]) => {
    const checks = report.checks.filter((result) => result.group === group && result.verdict !== 'not_yet');
    return checks.length === 0 ? [] : [title, ...checks.map((result) => checkLines(result, width)), ''];
  });
  return [...groups, ...stepsToCome(report.checks), ...summary(report)].join('\n');
}

function checkLines(result: CheckResult, width: number): string {
  const { id, verdict, title, evidence, fix } = result;
  const line = `  ${MARKS[verdict].padEnd(7)}  ${id.padEnd(width)}  `;
  if (verdict === 'ok') return `${line}${evidence}`;
  if (verdict === 'unknown') return `${line}cannot tell whether ${title}: ${evidence}`;
  const found = `${line}${evidence} (expected: ${title})`;
  if (fix === null) return found;
  return [found, ...fix.split('\n').map((each) => `             ${each}`)].join('\n');
}

const LIST_WIDTH = 76;

/** The steps of the deployment that are to come, in their order, each with the checks that wait for it. */
function stepsToCome(checks: readonly CheckResult[]): string[] {
  const steps = (Object.keys(STEPS) as Step[]).flatMap((step) => {
    const ids = checks.filter((result) => result.step === step).map(({ id }) => id);
    if (ids.length === 0) return [];
    const waiting = renderColumns([LIST_WIDTH], [[ids.join(', ')]]).split('\n');
    return [`  ${STEPS[step]}`, ...waiting.map((line) => `      ${line}`)];
  });
  return steps.length === 0
    ? []
    : ['not yet: steps that are to come, each with the checks that wait for it', ...steps, ''];
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
      ? 'correct the failed checks before you go on'
      : 'find out about the unknown checks before you go on';
  return [
    `${line}: ${answer}`,
    ...(first === null ? [] : [`first (${first.id}): ${first.fix.split('\n').join('\n  ')}`]),
  ];
}

export function renderChecks(checks: readonly Check[]): string {
  return renderTable(
    ['check', 'severity', 'what is true if all is well'],
    checks.map(({ id, severity, title }) => [id, severity, title]),
  );
}
