import type { IdList } from '../operations/census/id-list.ts';
import { ODD_VALUES, type OddValue } from '../operations/census/odd-values.ts';
import type { Figures } from '../operations/census/census.ts';
import { countText, tookText } from '../lib/figures.ts';
import type { AnswerFacts } from './answers.ts';
import { isoTime } from './row-json.ts';
import type { Part } from '../lib/screen.ts';
import { tableOf } from '../lib/table.ts';

export function censusFacts(figures: Figures, seconds: number): AnswerFacts<'census'> {
  const { legacyRows, script, window, size, trial } = figures;
  return {
    legacyRows,
    decisions: figures.decisions,
    decisionsSum: sumOf(figures),
    reasons: figures.reasons,
    weakFingerprint: figures.weakFingerprint,
    quarantined: figures.quarantined,
    script: {
      copies: script.copies,
      rowsCopied: script.copied,
      rowsCopiedTwice: script.copiedTwice,
      rowsWronglyElevated: script.elevated,
      copiesOfNoRow: script.copiesOfNoRow,
    },
    dualWriteWindow: {
      firstLiveRow: window.first && isoTime(window.first),
      lastLiveRow: window.last && isoTime(window.last),
      liveRows: window.liveRows,
      legacyRowsInside: window.legacyRows,
    },
    size: {
      rowsOutOfLine: size.outOfLine,
      outOfLineShare: shareOf(size.outOfLine, legacyRows),
      largestRow: size.largest,
      tooLargeForTheConnector: size.tooLarge,
    },
    oddValues: figures.oddValues,
    constraints: { triedRowByRow: trial.constraints, notTried: trial.notTried },
    projectedBeyondRetention: figures.expired,
    seconds: Number(seconds.toFixed(1)),
    rowsPerSecond: rateOf(figures, seconds),
  };
}

/** The counts, and the first ids of each list. `--json` has all ids. */
export function renderCensus(figures: Figures, seconds: number): readonly Part[] {
  const decisions = Object.entries(figures.decisions);
  return [
    tableOf(
      ['decision', 'legacy rows', 'reasons'],
      [
        ...decisions.map(([decision, rows]) => [decision, countText(rows), reasonsOf(figures, decision)]),
        ['sum', countText(sumOf(figures)), ''],
        ['legacy rows', countText(figures.legacyRows), ''],
      ],
    ),
    '',
    tableOf(['what', 'found', 'which'], findingsOf(figures)),
    '',
    'only the first id of each list is shown; --json has all of them',
    `${countText(figures.legacyRows)} rows in ${tookText(seconds)}, ${countText(rateOf(figures, seconds))} per second`,
  ];
}

function findingsOf(figures: Figures): string[][] {
  const { script, window, size, trial } = figures;
  const { largest } = size;
  return [
    ['first live row', window.first ?? 'none', ''],
    ['last live row', window.last ?? 'none', ''],
    ['live rows', countText(window.liveRows), ''],
    ['legacy rows between the first and the last live row', countText(window.legacyRows), ''],
    ['rows that the earlier script copied', countText(script.copied), ''],
    listed('rows that it copied twice', script.copiedTwice),
    listed("strangers' rows that it copied: wrongly elevated", script.elevated),
    ['copies whose legacy row is gone', countText(script.copiesOfNoRow), ''],
    listed(
      'projected beside a live row; too little data to tell whether they are twins',
      figures.weakFingerprint,
    ),
    [
      'rows stored out of line (TOAST)',
      `${countText(size.outOfLine)} (${(shareOf(size.outOfLine, figures.legacyRows) * 100).toFixed(1)} %)`,
      '',
    ],
    largest === null
      ? ['largest row', 'none', '']
      : [
          `largest row, bytes as ${largest.measured === 'stored' ? 'stored' : 'sent'}`,
          countText(largest.bytes),
          largest.legacyId,
        ],
    listed('rows that are larger than the connector may send', size.tooLarge),
    [
      'constraints of agent_compliance_runs that may refuse a row; every row was checked',
      countText(trial.constraints.length),
      trial.constraints.join(', '),
    ],
    ...trial.notTried.map((what) => [
      'could not be checked; it may quarantine rows, or stop the projector',
      '',
      what,
    ]),
    ...Object.entries(figures.quarantined).map(([why, list]) => listed(`to be quarantined: ${why}`, list)),
    ...Object.entries(figures.oddValues).map(([name, list]) => listed(ODD_VALUES[name as OddValue], list)),
    ...(figures.expired === null
      ? []
      : [
          [
            'projected, but older than CANONICAL_RETENTION_DAYS, so the next prune removes them',
            countText(figures.expired),
            '',
          ],
        ]),
  ];
}

function listed(what: string, { count: found, ids }: IdList): string[] {
  const [first] = ids;
  return [what, countText(found), first === undefined ? '' : found === 1 ? first : `${first} …`];
}

function reasonsOf({ reasons }: Figures, decision: string): string {
  return Object.entries(reasons)
    .filter(([kind]) => kind.startsWith(`${decision}: `))
    .map(([kind, rows]) => `${kind.slice(decision.length + 2)} ${countText(rows)}`)
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
