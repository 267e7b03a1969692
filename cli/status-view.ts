import type { Problem, StatusReport } from '../operations/status/report.ts';
import { SECTIONS } from '../operations/status/watched.ts';
import { headline, markOf, MARKS, textOf } from '../operations/status/words.ts';
import { indented, look, type Part, type Screen } from '../lib/screen.ts';
import { rowsOnly, type Cell, type Table, type Tone } from '../lib/table.ts';

const PROBLEMS_SHOWN = 4;

/** One screen: whether all is well, what to do next, and how far behind it is. The headline stays in a screen that is cut. */
export function renderStatus(report: StatusReport): Screen {
  const sections = SECTIONS.filter((section) => section !== 'tables' || textOf(section, report) !== '');
  const rows = sections.map((section) => {
    const mark = markOf(section, report);
    return [section, { mark, tone: TONES[mark] ?? 'head' }, textOf(section, report)] as const;
  });
  return [
    { mark: headline(report), tone: HEADLINES[report.state] },
    ...nextLines(report),
    `history-cdc status, ${report.at.slice(0, 19).replace('T', ' ')} UTC${retirementText(report)}`,
    '',
    rowsOnly([...rows, ...alsoLines(report)]),
  ];
}

const TONES: Readonly<Record<string, Tone>> = {
  ok: 'good',
  [MARKS.wrong]: 'bad',
  [MARKS.unknown]: 'look',
  [MARKS.attention]: 'look',
};

const HEADLINES = {
  good: 'good',
  attention: 'look',
  not_yet: 'head',
  unknown: 'look',
  wrong: 'bad',
} as const satisfies Record<StatusReport['state'], Tone>;

/** In the line of the time, so that the screen does not grow; `soak` says when that was, and which conditions. */
function retirementText({ retirement }: StatusReport): string {
  if (retirement?.lookedAt == null) return '';
  const { stage, held, conditions } = retirement;
  return `; ${stage}, ${String(held)} of ${String(conditions)} conditions held`;
}

/** The whole remedy. Each command is on an unwrapped line of its own, so that it can be copied. */
function nextLines({ problems, next }: StatusReport): Part[] {
  const [first] = problems;
  if (first === undefined || next === null) return ['next: nothing'];
  const [step = '', ...steps] = next.fix.split('\n');
  return [
    `${first.id}: ${first.evidence}`,
    `next: ${step}`,
    ...(steps.length === 0 ? [] : [indented(6, steps)]),
  ];
}

/** The other problems. Of unknown checks only the names are shown, because one silent service usually causes many. */
function alsoLines({ problems }: StatusReport): Table['rows'] {
  const others = problems.slice(1).filter(({ severity }) => severity !== 'not_yet');
  const told = others.filter(({ severity }) => severity !== 'unknown');
  const unknown = others.filter(({ severity }) => severity === 'unknown').map(({ id }) => id);
  const left = told.length - PROBLEMS_SHOWN;
  const rows = [
    ...told.slice(0, PROBLEMS_SHOWN).map(alsoCells),
    ...(left > 0 ? [['', '', `and ${String(left)} more: --json has all of them`]] : []),
    ...(unknown.length > 0
      ? [['also', look(MARKS.unknown), shortened(`not known: ${unknown.join(', ')}`, EVIDENCE_SHOWN)]]
      : []),
  ];
  return rows.length === 0 ? [] : ['', ...rows];
}

const EVIDENCE_SHOWN = 116;

function alsoCells({ id, severity, evidence }: Problem): Cell[] {
  const mark = MARKS[severity];
  return ['also', { mark, tone: TONES[mark] ?? 'head' }, shortened(`${id}: ${evidence}`, EVIDENCE_SHOWN)];
}

function shortened(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
