import type { IdList } from '../operations/census/id-list.ts';
import { ODD_VALUES, type OddValue } from '../operations/census/odd-values.ts';
import type { Figures } from '../operations/census/census.ts';
import { renderTable } from '../lib/table.ts';

export interface Took {
  readonly seconds: number;
}

export function censusFacts(figures: Figures, { seconds }: Took) {
  const { script, window, size, trial } = figures;
  return {
    legacy_rows: figures.legacyRows,
    decisions: figures.decisions,
    decisions_sum: sumOf(figures),
    reasons: figures.reasons,
    weak_fingerprint: figures.weakFingerprint,
    quarantined: figures.quarantined,
    script: {
      copies: script.copies,
      rows_copied: script.copied,
      rows_copied_twice: script.copiedTwice,
      rows_wrongly_elevated: script.elevated,
      copies_of_no_row: script.copiesOfNoRow,
    },
    dual_write_window: {
      first_live_row: window.first,
      last_live_row: window.last,
      live_rows: window.liveRows,
      legacy_rows_inside: window.legacyRows,
    },
    size: {
      rows_out_of_line: size.outOfLine,
      out_of_line_share: shareOf(size.outOfLine, figures.legacyRows),
      largest_row: size.largest && {
        legacy_id: size.largest.legacyId,
        bytes: size.largest.bytes,
        measured: size.largest.measured,
      },
      too_large_for_the_connector: size.tooLarge,
    },
    odd_values: figures.oddValues,
    constraints: { tried_row_by_row: trial.constraints, not_tried: trial.notTried },
    projected_beyond_retention: figures.expired,
    seconds: Number(seconds.toFixed(1)),
    rows_per_second: rateOf(figures, seconds),
  };
}

/** Counts, and of each list of ids the first few: `--json` has them all. */
export function renderCensus(figures: Figures, { seconds }: Took): string {
  const decisions = Object.entries(figures.decisions);
  return [
    renderTable(
      ['decision', 'legacy rows', 'reasons'],
      [
        ...decisions.map(([decision, rows]) => [decision, count(rows), reasonsOf(figures, decision)]),
        ['sum', count(sumOf(figures)), ''],
        ['legacy rows', count(figures.legacyRows), ''],
      ],
    ),
    '',
    renderTable(['what', 'found', 'which'], findingsOf(figures)),
    '',
    'of each list of rows the first is named: --json has all of them',
    `${count(figures.legacyRows)} rows in ${seconds.toFixed(1)} s, ${count(rateOf(figures, seconds))} a second`,
  ].join('\n');
}

function findingsOf(figures: Figures): string[][] {
  const { script, window, size, trial } = figures;
  const { largest } = size;
  return [
    ['first live row', window.first ?? 'none', ''],
    ['last live row', window.last ?? 'none', ''],
    ['live rows', count(window.liveRows), ''],
    ['legacy rows between the first and the last live row', count(window.legacyRows), ''],
    ['rows that the earlier script copied', count(script.copied), ''],
    listed('rows that it copied twice', script.copiedTwice),
    listed("strangers' rows that it copied: wrongly elevated", script.elevated),
    ['copies whose legacy row is gone', count(script.copiesOfNoRow), ''],
    listed('projected beside a live row, too little alike to tell', figures.weakFingerprint),
    [
      'rows stored out of line (TOAST)',
      `${count(size.outOfLine)} (${(shareOf(size.outOfLine, figures.legacyRows) * 100).toFixed(1)} %)`,
      '',
    ],
    largest === null
      ? ['largest row', 'none', '']
      : [
          `largest row, bytes as ${largest.measured === 'stored' ? 'stored' : 'sent'}`,
          count(largest.bytes),
          largest.legacyId,
        ],
    listed('rows that are larger than the connector may send', size.tooLarge),
    [
      'constraints of agent_compliance_runs that may refuse a row: every row was tried',
      count(trial.constraints.length),
      trial.constraints.join(', '),
    ],
    ...trial.notTried.map((what) => [
      'could not be tried: the run may quarantine rows for it, or stop',
      '',
      what,
    ]),
    ...Object.entries(figures.quarantined).map(([why, list]) => listed(`to be quarantined: ${why}`, list)),
    ...Object.entries(figures.oddValues).map(([name, list]) => listed(ODD_VALUES[name as OddValue], list)),
    ...(figures.expired === null
      ? []
      : [
          [
            'projected, and older than CANONICAL_RETENTION_DAYS: the next prune takes them',
            count(figures.expired),
            '',
          ],
        ]),
  ];
}

function listed(what: string, { count: found, ids }: IdList): string[] {
  const [first] = ids;
  return [what, count(found), first === undefined ? '' : found === 1 ? first : `${first} …`];
}

function reasonsOf({ reasons }: Figures, decision: string): string {
  return Object.entries(reasons)
    .filter(([kind]) => kind.startsWith(`${decision}: `))
    .map(([kind, rows]) => `${kind.slice(decision.length + 2)} ${count(rows)}`)
    .join('; ');
}

function sumOf({ decisions }: Figures): number {
  return Object.values(decisions).reduce((sum, rows) => sum + rows, 0);
}

function shareOf(some: number, all: number): number {
  return all === 0 ? 0 : Number((some / all).toFixed(4));
}

function rateOf({ legacyRows }: Figures, seconds: number): number {
  return Math.round(legacyRows / Math.max(seconds, 0.001));
}

function count(rows: number): string {
  return rows.toLocaleString('en');
}
