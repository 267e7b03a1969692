import { renderColumns } from '../lib/table.ts';
import type { RestedOn, RetiredReport } from '../operations/status/after-drop.ts';
import type { PartReport } from '../operations/teardown/teardown.ts';

const WIDTH = 80;
const [NAME_WIDTH, MARK_WIDTH, GAP] = [13, 8, 2];
const WIDTHS = [NAME_WIDTH, MARK_WIDTH, WIDTH - NAME_WIDTH - MARK_WIDTH - 2 * GAP];
const MARKS = { wrong: 'WRONG', unknown: '?', attention: 'look' } as const;
const STATES = { absent: 'gone', there: 'LEFT', unknown: '?', kept: 'kept' } as const;
const HEADLINES = {
  good: 'The table has gone, and nothing is left of the deployment.',
  wrong: 'The table has gone, and something is left or is not as it should be.',
  unknown: 'The table has gone. What is left is not known, because something gives no answer.',
  attention: 'The table has gone, and nothing is left of the deployment; somebody should look at something.',
} as const;

/** One screen: the table has gone, when and by whom, what is left, and what to do next. */
export function renderRetired(report: RetiredReport): string {
  const { dropped, problems, next, parts } = report;
  return [
    `history-cdc status, ${minute(report.at)} UTC; dropped`,
    '',
    HEADLINES[report.state],
    ...(next === null ? ['next: nothing'] : nextLines(next.fix)),
    '',
    renderColumns(WIDTHS, [
      ['table', 'dropped', droppedText(report)],
      ['archive', dropped.archive?.standing ?? '?', archiveText(dropped.archive)],
      ...parts.map((part) => [part.id, STATES[part.state], partText(part)]),
    ]),
    ...(problems.length === 0
      ? []
      : [
          '',
          renderColumns(
            WIDTHS,
            problems.map(({ id, severity, evidence }) => [id, MARKS[severity], evidence]),
          ),
        ]),
    '',
    'The proof for an auditor: history-cdc evidence export FILE',
  ].join('\n');
}

const minute = (time: string) => time.slice(0, 19).replace('T', ' ');

function nextLines(fix: string): string[] {
  const [step = '', ...steps] = fix.split('\n');
  return [`next: ${step}`, ...steps.map((line) => `      ${line}`)];
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
