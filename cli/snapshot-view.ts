import type { Diagnosis } from '../operations/snapshot/diagnose.ts';
import type { RunReport, SnapshotStatus } from '../operations/snapshot/status.ts';
import { countText, spanText } from '../lib/figures.ts';
import type { AnswerName } from './answers.ts';
import type { CommandContext } from './context.ts';
import type { Screen } from '../lib/screen.ts';
import { tableOf } from '../lib/table.ts';

const IDS_SHOWN = 5;

export type SnapshotCommand = Extract<AnswerName, `snapshot ${string}`>;
/** The commands that can answer with the status of the snapshot. */
export type StatusCommand = Extract<
  SnapshotCommand,
  `${string} start` | `${string} status` | `${string} watch`
>;

/** Answers with the ids of the first hundred rows without a decision. */
export function answerStatus(
  context: CommandContext,
  status: SnapshotStatus,
  { command, json }: { command: StatusCommand; json: boolean | undefined },
): void {
  const { coverage } = status;
  const shown = coverage === null ? null : { ...coverage, ids: coverage.ids.slice(0, 100) };
  context.answer(command, {
    json,
    facts: { ...status, coverage: shown },
    text: () => renderStatus(status),
  });
}

function renderStatus(status: SnapshotStatus): Screen {
  const { run, connector, coverage, recordsToProject } = status;
  const rows = [
    ['verdict', status.verdict],
    ['initial snapshot', status.initial],
    ...(run === null ? [['incremental', 'none was ever started']] : runRows(run)),
    ['connector', [connector.state, ...connector.tasks.map((state) => `task ${state}`)].join(', ')],
    [
      'to be projected',
      recordsToProject === null ? 'no data topic' : `${countText(recordsToProject)} records of the topic`,
    ],
    [
      'without decision',
      coverage === null
        ? 'not looked at'
        : `${countText(coverage.uncovered)} of ${countText(coverage.legacyRows)} legacy rows`,
    ],
  ];
  return [
    tableOf(['what', 'state'], rows),
    ...(recordsToProject === 0 ? idLines(coverage?.ids ?? []) : []),
    ...status.reasons.map((reason) => `  - ${reason}`),
    ...(status.next === null ? [] : [`next: ${status.next}`]),
  ];
}

/**
 * Lists ids without a decision. Not called while records wait to be projected, because those rows get a decision soon.
 */
function idLines(ids: readonly string[]): string[] {
  const more =
    ids.length > IDS_SHOWN ? ['… `history-cdc snapshot start --missing` asks for all of them'] : [];
  return [...ids.slice(0, IDS_SHOWN).map((id) => `without decision ${id}`), ...more];
}

function runRows(run: RunReport): string[][] {
  const { rowsDone, rowsTotal, rowsPerSecond, secondsLeft } = run;
  const number = (count: number | null) => (count === null ? 'unknown' : countText(count));
  const pace = rowsPerSecond === null ? '' : `, ${countText(rowsPerSecond)} rows/s`;
  const left = secondsLeft === null ? '' : `, ${spanText(secondsLeft)} left`;
  return [
    ['incremental', `${run.id}, ${run.state}`],
    ['which rows', run.condition === undefined ? 'unknown' : shortened(run.condition ?? 'the whole table')],
    ['began', run.startedAt],
    ['rows read', `${number(rowsDone)} of ${number(rowsTotal)}${pace}${left}`],
    ['last movement', `${spanText(run.secondsSinceMoved)} ago`],
  ];
}

/** Shortens a condition, because nobody reads thousands of ids. */
function shortened(condition: string): string {
  const text = condition.replaceAll(/\s+/g, ' ');
  return text.length <= 100 ? text : `${text.slice(0, 100)}… (${countText(text.length)} characters)`;
}

export function renderDiagnosis({ why, wayOut }: Diagnosis): string {
  const [first = '', ...more] = why;
  return [first, ...more.map((line) => `  - ${line}`), `  way out: ${wayOut}`].join('\n');
}
