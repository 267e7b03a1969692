import { counts, MEANINGS, type Incident } from '../operations/soak/incidents.ts';
import type { Condition } from '../operations/soak/condition.ts';
import { holds } from '../operations/soak/condition.ts';
import type { SoakReport } from '../operations/soak/soak.ts';
import { bad, good, look, type Part, type Screen } from '../lib/screen.ts';
import { rowsOnly, type Cell } from '../lib/table.ts';
import type { AnswerFacts } from './answers.ts';

const MARKS = {
  met: good('met'),
  attested: good('attested'),
  not_met: bad('NOT MET'),
  unknown: look('?'),
} as const;
const INCIDENTS_SHOWN = 20;

export function soakFacts(report: SoakReport): AnswerFacts<'soak'> {
  return {
    ...report,
    incidents: report.incidents.map((incident) => ({
      ...incident,
      counts: counts(incident),
      explainable: MEANINGS[incident.kind].explainable,
    })),
  };
}

export function renderSoak(report: SoakReport): Screen {
  const { at, stage, conditions, incidents, lowered } = report;
  return [
    headline(report),
    `history-cdc soak, ${secondOf(at)} UTC; stage ${stage}`,
    ...lowered.map((line) => look(`WARNING: ${line}`)),
    '',
    rowsOnly(conditions.flatMap(rowsOf)),
    ...incidentLines(incidents),
  ];
}

function headline({ allMet, conditions, forecast }: SoakReport): Part {
  const held = conditions.filter(holds).length;
  const sum = `${String(held)} of ${String(conditions.length)} conditions hold`;
  if (allMet) return good(`YES: ${sum}; the next step is \`history-cdc retire check\``);
  if (forecast !== null)
    return look(`NOT YET: ${sum}; if nothing happens, the table may go on ${secondOf(forecast)} UTC`);
  return bad(`NO: ${sum}; the day depends on a person, or is not known`);
}

function rowsOf({ id, state, evidence, since, metAt, missing, fix }: Condition): Cell[][] {
  const times = [
    ...(since === null ? [] : [`since ${secondOf(since)}`]),
    ...(metAt === null || state === 'met' || state === 'attested' ? [] : [`met on ${secondOf(metAt)}`]),
  ].join(', ');
  return [
    [id, MARKS[state], evidence],
    ...(times === '' ? [] : [['', '', times]]),
    ...(missing === null ? [] : [['', '', `missing: ${missing}`]]),
    ...(fix?.split('\n') ?? []).map((line, nth) => ['', '', nth === 0 ? `do: ${line}` : line]),
  ];
}

function incidentLines(incidents: readonly Incident[]): string[] {
  if (incidents.length === 0) return ['', 'no incident'];
  const counting = incidents.filter(counts);
  // What stops a clock first.
  const shown = [...counting, ...incidents.filter((incident) => !counts(incident))].slice(0, INCIDENTS_SHOWN);
  const left = incidents.length - shown.length;
  return [
    '',
    `${String(incidents.length)} incidents, ${String(counting.length)} of them stop a clock`,
    ...shown.map(incidentLine),
    ...(left > 0 ? [`and ${String(left)} more: --json has all of them`] : []),
  ];
}

function incidentLine(incident: Incident): string {
  const { id, kind, subject, beganAt, endedAt, endedBy, explainedBy, reason, detail } = incident;
  return [
    `  ${id}  ${kind} ${subject}${detail === '' ? '' : ` (${detail})`}, ${secondOf(beganAt)}`,
    ...(endedAt === null ? [] : [`ended ${secondOf(endedAt)}: ${endedBy ?? ''}`]),
    ...(explainedBy === null ? [] : [`explained by ${explainedBy}: ${reason ?? ''}`]),
    ...(counts(incident) ? [MEANINGS[incident.kind].explainable ? 'STOPS, can be explained' : 'STOPS'] : []),
  ].join('; ');
}

function secondOf(at: Date): string {
  return at.toISOString().slice(0, 19).replace('T', ' ');
}
