import { verbatim, type Part, type Screen } from '../lib/screen.ts';
import { rowsOnly } from '../lib/table.ts';
import type { RestedOn, RetiredReport } from '../operations/status/after-drop.ts';
import type { PartReport } from '../operations/teardown/teardown.ts';

const MARKS = {
  wrong: { mark: 'WRONG', tone: 'bad' },
  unknown: { mark: '?', tone: 'look' },
  attention: { mark: 'look', tone: 'look' },
} as const;
const STATES = {
  absent: { mark: 'gone', tone: 'good' },
  there: { mark: 'LEFT', tone: 'bad' },
  unknown: { mark: '?', tone: 'look' },
  kept: { mark: 'kept', tone: 'good' },
} as const;
const HEADLINES = {
  good: { mark: 'The table has gone, and nothing is left of the deployment.', tone: 'good' },
  wrong: { mark: 'The table has gone, and something is left or is not as it should be.', tone: 'bad' },
  unknown: {
    mark: 'The table has gone. What is left is not known, because something gives no answer.',
    tone: 'look',
  },
  attention: {
    mark: 'The table has gone, and nothing is left of the deployment. Somebody should look at something.',
    tone: 'look',
  },
} as const;

/** One screen: the table has gone, when and by whom, what is left, and what to do next. */
export function renderRetired(report: RetiredReport): Screen {
  const { dropped, problems, next, parts } = report;
  return [
    HEADLINES[report.state],
    ...(next === null ? ['next: nothing'] : nextLines(next.fix)),
    `history-cdc status, ${minute(report.at)} UTC; dropped`,
    '',
    rowsOnly([
      ['table', 'dropped', droppedText(report)],
      ['archive', dropped.archive?.standing ?? MARKS.unknown, archiveText(dropped.archive)],
      ...parts.map((part) => [part.id, STATES[part.state], partText(part)]),
    ]),
    ...(problems.length === 0
      ? []
      : ['', rowsOnly(problems.map(({ id, severity, evidence }) => [id, MARKS[severity], evidence]))]),
    '',
    'The proof for an auditor: history-cdc evidence export FILE',
  ];
}

const minute = (time: string) => time.slice(0, 19).replace('T', ' ');

/** Each command is on an unwrapped line of its own, so that it can be copied. */
function nextLines(fix: string): Part[] {
  const [step = '', ...steps] = fix.split('\n');
  return [verbatim(`next: ${step}`), ...steps.map((line) => verbatim(`      ${line}`))];
}

function droppedText({ dropped: { at, by, rows, vanishedBehindFence } }: RetiredReport): string {
  const who = by === null ? 'not recorded by whom' : `by ${by}`;
  const vanished =
    vanishedBehindFence === null || vanishedBehindFence === 0
      ? ''
      : `; ${vanishedBehindFence.toLocaleString('en')} more had vanished behind the fence`;
  const count = rows === null ? '' : `, with ${rows.toLocaleString('en')} rows${vanished}`;
  return `${minute(at)} UTC, ${who}${count}`;
}

function archiveText(archive: RestedOn | null): string {
  if (archive === null) return 'not in the ledger any more';
  const { id, target, standingSince, drilled } = archive;
  return `${id} in ${target}, since ${minute(standingSince)} UTC; ${drilled ? 'restored and compared' : 'never restored'}`;
}

function partText({ things, why, state }: PartReport): string {
  if (state === 'unknown') return why ?? '';
  return things.join(', ');
}
