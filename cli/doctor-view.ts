import { GROUPS, type Check } from '../operations/checks/check.ts';
import type { CheckResult } from '../operations/checks/judge.ts';
import type { DoctorReport } from '../operations/doctor/doctor.ts';
import { STEPS, type Step, type Verdict } from '../operations/checks/verdict.ts';
import { bad, good, heading, indented, look, type Part, type Screen } from '../lib/screen.ts';
import { rowsOnly, tableOf, type Mark, type Table } from '../lib/table.ts';

const MARKS: Readonly<Record<Verdict, Mark>> = {
  ok: good('ok'),
  failed: bad('FAILED'),
  warning: look('warning'),
  not_yet: heading('not yet'),
  unknown: look('unknown'),
};

/**
 * One line per check, in groups. Below each check that is not ok stands its remedy. Checks that wait for a step of the
 * deployment are named once, by step: before a deployment they are more than half of all.
 */
export function renderDoctor(report: DoctorReport): Screen {
  const groups = Object.entries(GROUPS).flatMap(([group, title]): Table['rows'] => {
    const checks = report.checks.filter((result) => result.group === group && result.verdict !== 'not_yet');
    return checks.length === 0 ? [] : [title, ...checks.flatMap(checkRows), ''];
  });
  return [
    ...(groups.length === 0 ? [] : [rowsOnly(groups)]),
    ...stepsToCome(report.checks),
    ...summary(report),
  ];
}

function checkRows(result: CheckResult): Table['rows'] {
  const { id, verdict, title, evidence, fix } = result;
  const cells = (text: string) => ['', MARKS[verdict], id, text];
  if (verdict === 'ok') return [cells(evidence)];
  if (verdict === 'unknown') return [cells(`cannot tell whether ${title}: ${evidence}`)];
  const steps = fix?.split('\n') ?? [];
  return [cells(`${evidence} (expected: ${title})`), ...steps.map((step) => `             ${step}`)];
}

/** The steps of the deployment that are to come, in their order, each with the checks that wait for it. */
function stepsToCome(checks: readonly CheckResult[]): Part[] {
  const steps = (Object.keys(STEPS) as Step[]).flatMap((step) => {
    const ids = checks.filter((result) => result.step === step).map(({ id }) => id);
    return ids.length === 0 ? [] : [STEPS[step], indented(4, [ids.join(', ')])];
  });
  return steps.length === 0
    ? []
    : ['not yet: steps that are to come, each with the checks that wait for it', indented(2, steps), ''];
}

function summary({ counts, mayGoOn, deployed, first }: DoctorReport): Part[] {
  const shown = (['ok', 'failed', 'warning', 'not_yet', 'unknown'] as const).filter(
    (verdict) => verdict === 'ok' || counts[verdict] > 0,
  );
  const line = shown
    .map((verdict) => `${String(counts[verdict])} ${MARKS[verdict].mark.toLowerCase()}`)
    .join(', ');
  const answer = mayGoOn
    ? deployed
      ? 'nothing is in the way'
      : 'nothing is in the way: you may go on'
    : counts.failed > 0
      ? 'correct the failed checks before you go on'
      : 'find out about the unknown checks before you go on';
  return [
    { mark: `${line}: ${answer}`, tone: mayGoOn ? 'good' : 'bad' },
    ...(first === null ? [] : [`first (${first.id}): ${first.fix.split('\n').join('\n  ')}`]),
  ];
}

export function renderChecks(checks: readonly Check[]): Screen {
  return [
    tableOf(
      ['check', 'severity', 'what is true if all is well'],
      checks.map(({ id, severity, title }) => [id, severity, title]),
    ),
  ];
}
