import type { Diagnosis } from '../operations/snapshot/diagnose.ts';
import type { RunReport, SnapshotStatus } from '../operations/snapshot/status.ts';
import { renderTable } from '../lib/table.ts';

const IDS_SHOWN = 5;

/** The status as JSON: the ids of rows without a decision are the first hundred only. */
export function statusJson(status: SnapshotStatus): string {
  const { coverage } = status;
  const shown = coverage === null ? null : { ...coverage, ids: coverage.ids.slice(0, 100) };
  return JSON.stringify({ ...status, coverage: shown }, null, 2);
}

export function renderStatus(status: SnapshotStatus): string {
  const { run, connector, coverage, recordsToProject } = status;
  const rows = [
    ['verdict', status.verdict],
    ['initial snapshot', status.initial],
    ...(run === null ? [['incremental', 'none was ever started']] : runRows(run)),
    ['connector', [connector.state, ...connector.tasks.map((state) => `task ${state}`)].join(', ')],
    [
      'to be projected',
      recordsToProject === null
        ? 'no data topic'
        : `${recordsToProject.toLocaleString('en')} records of the topic`,
    ],
    [
      'without decision',
      coverage === null
        ? 'not looked at'
        : `${coverage.uncovered.toLocaleString('en')} of ${coverage.legacyRows.toLocaleString('en')} legacy rows`,
    ],
  ];
  return [
    renderTable(['what', 'state'], rows),
    ...(recordsToProject === 0 ? idLines(coverage?.ids ?? []) : []),
    ...status.reasons.map((reason) => `  - ${reason}`),
    ...(status.next === null ? [] : [`next: ${status.next}`]),
  ].join('\n');
}

/** While records wait to be projected, their rows are no news. */
function idLines(ids: readonly string[]): string[] {
  const more =
    ids.length > IDS_SHOWN ? ['… `history-cdc snapshot start --missing` asks for all of them'] : [];
  return [...ids.slice(0, IDS_SHOWN).map((id) => `without decision ${id}`), ...more];
}

function runRows(run: RunReport): string[][] {
  const { rowsDone, rowsTotal, rowsPerSecond, secondsLeft } = run;
  const number = (count: number | null) => count?.toLocaleString('en') ?? 'unknown';
  const pace = rowsPerSecond === null ? '' : `, ${rowsPerSecond.toLocaleString('en')} rows/s`;
  const left = secondsLeft === null ? '' : `, ${secondsLeft.toLocaleString('en')} s left`;
  return [
    ['incremental', `${run.id}, ${run.state}`],
    ['which rows', run.condition === undefined ? 'unknown' : shortened(run.condition ?? 'the whole table')],
    ['began', run.startedAt],
    ['rows read', `${number(rowsDone)} of ${number(rowsTotal)}${pace}${left}`],
    ['last movement', `${run.secondsSinceMoved.toLocaleString('en')} s ago`],
  ];
}

/** A condition of thousands of ids is not read by anybody. */
function shortened(condition: string): string {
  const text = condition.replaceAll(/\s+/g, ' ');
  return text.length <= 100
    ? text
    : `${text.slice(0, 100)}… (${text.length.toLocaleString('en')} characters)`;
}

export function renderDiagnosis({ why, wayOut }: Diagnosis): string {
  const [first = '', ...more] = why;
  return [first, ...more.map((line) => `  - ${line}`), `  way out: ${wayOut}`].join('\n');
}
