import type { Problem, StatusReport } from '../operations/status/report.ts';
import { SECTIONS } from '../operations/status/watched.ts';
import { headline, markOf, MARKS, textOf } from '../operations/status/words.ts';
import { renderColumns } from '../lib/table.ts';

const WIDTH = 80;
const [NAME_WIDTH, MARK_WIDTH, GAP] = [10, 7, 2];
const WIDTHS = [NAME_WIDTH, MARK_WIDTH, WIDTH - NAME_WIDTH - MARK_WIDTH - 2 * GAP];
const PROBLEMS_SHOWN = 4;

/** One screen of 80 columns: whether all is well, how far behind it is, and what to do next. */
export function renderStatus(report: StatusReport): string {
  return [
    `history-cdc status, ${report.at.slice(0, 19).replace('T', ' ')} UTC${retirementText(report)}`,
    '',
    headline(report),
    ...nextLines(report),
    '',
    renderColumns(
      WIDTHS,
      SECTIONS.filter((section) => section !== 'tables' || textOf(section, report) !== '').map((section) => [
        section,
        markOf(section, report),
        textOf(section, report),
      ]),
    ),
    ...alsoLines(report),
  ].join('\n');
}

/** In the first line, so that the screen does not grow; `soak` says when that was, and which conditions. */
function retirementText({ retirement }: StatusReport): string {
  if (retirement?.lookedAt == null) return '';
  const { stage, held, conditions } = retirement;
  return `; ${stage}, ${String(held)} of ${String(conditions)} conditions held`;
}

/** The whole remedy. Each command is on an unwrapped line of its own, so that it can be copied. */
function nextLines({ problems, next }: StatusReport): string[] {
  const [first] = problems;
  if (first === undefined || next === null) return ['next: nothing'];
  const [step = '', ...steps] = next.fix.split('\n');
  return [
    ...renderColumns([WIDTH], [[`${first.id}: ${first.evidence}`]]).split('\n'),
    `next: ${step}`,
    ...steps.map((line) => `      ${line}`),
  ];
}

/** The other problems. Of unknown checks only the names are shown, because one silent service usually causes many. */
function alsoLines({ problems }: StatusReport): string[] {
  const others = problems.slice(1).filter(({ severity }) => severity !== 'not_yet');
  const told = others.filter(({ severity }) => severity !== 'unknown');
  const unknown = others.filter(({ severity }) => severity === 'unknown').map(({ id }) => id);
  const left = told.length - PROBLEMS_SHOWN;
  const rows = [
    ...told.slice(0, PROBLEMS_SHOWN).map((problem) => ['also', ...alsoCells(problem)]),
    ...(left > 0 ? [['', '', `and ${String(left)} more: --json has all of them`]] : []),
    ...(unknown.length > 0
      ? [['also', '?', shortened(`not known: ${unknown.join(', ')}`, EVIDENCE_SHOWN)]]
      : []),
  ];
  return rows.length === 0 ? [] : ['', renderColumns(WIDTHS, rows)];
}

const EVIDENCE_SHOWN = 116;

function alsoCells({ id, severity, evidence }: Problem): string[] {
  return [MARKS[severity], shortened(`${id}: ${evidence}`, EVIDENCE_SHOWN)];
}

function shortened(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
