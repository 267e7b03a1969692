import { KINDS } from '../operations/reconcile/kinds.ts';
import type { Finding, ReconcileReport } from '../operations/reconcile/report.ts';
import type { Gap } from '../operations/continuity/gaps.ts';
import type { CommandContext } from './context.ts';
import { renderUnhealed } from '../consumers/agent-test-history/stream/quarantine-counts.ts';
import { renderTable } from '../lib/table.ts';

export type Shape = 'json' | 'text';

interface Printed {
  readonly report: ReconcileReport;
  readonly findings: AsyncIterable<Finding>;
  readonly shape: Shape;
}

/** Prints a report with every id; findings go out as they are read. */
export async function printReport(
  context: CommandContext,
  { report, findings, shape }: Printed,
): Promise<void> {
  if (shape === 'json') {
    await printJson(context, report, findings);
    return;
  }
  context.print(renderReport(report));
  for await (const finding of findings) context.print(lineOf(finding));
  context.print(closing(report));
}

/** One document, written piece by piece. */
async function printJson(
  context: CommandContext,
  report: ReconcileReport,
  findings: AsyncIterable<Finding>,
): Promise<void> {
  const head = JSON.stringify(factsOf(report), null, 2).replace(/\n\}$/, '');
  context.print(`${head},\n  "findings": [`);
  let before = '';
  for await (const finding of findings) {
    if (before !== '') context.print(`${before},`);
    before = `    ${JSON.stringify(finding)}`;
  }
  context.print(`${before === '' ? '' : `${before}\n`}  ]\n}`);
}

function factsOf(report: ReconcileReport) {
  const { run, verdict, stale, kinds, accepted, rowsSeen, quarantine, gaps } = report;
  return {
    run: Number(run.id),
    started_at: run.started_at,
    finished_at: run.finished_at,
    rule_version: run.rule_version,
    release: run.release,
    verdict,
    waited_for: run.waited_for,
    stale,
    legacy_rows: Number(run.legacy_rows),
    legacy_counted: run.legacy_counted === null ? null : Number(run.legacy_counted),
    ledger_rows: Number(run.ledger_rows),
    canonical_rows: Number(run.canonical_rows),
    decisions: run.decisions,
    excepted: run.excepted ?? {},
    rows_seen: rowsSeen,
    quarantine,
    gaps: gaps.map(({ id, kind, openedAt, acceptedAt }) => ({
      id,
      kind,
      opened_at: openedAt,
      accepted_at: acceptedAt,
    })),
    kinds,
    accepted,
  };
}

function renderReport({ run, kinds, accepted, rowsSeen, quarantine }: ReconcileReport): string {
  const decisions = Object.entries(run.decisions ?? {}).sort(([, a], [, b]) => b - a);
  const count = (text: string) => Number(text).toLocaleString('en');
  return [
    renderTable(['decision', 'rows'], [...decisions, ['sum', rowsSeen]]),
    `compared: ${count(run.legacy_rows)} legacy rows, ${count(run.ledger_rows)} rows of the ledger, ${count(run.canonical_rows)} canonical rows`,
    `in quarantine now: ${renderUnhealed(quarantine)}`,
    ...(kinds.length === 0
      ? []
      : [
          renderTable(
            ['finding', '', 'rows', 'in flight', 'accepted', 'meaning'],
            kinds.map((of) => [
              of.kind,
              of.severity,
              of.confirmed,
              of.in_flight,
              of.accepted,
              KINDS[of.kind],
            ]),
          ),
        ]),
    ...Object.entries(accepted).map(([rule, hits]) => `accepted by ${rule}: ${hits.toLocaleString('en')}`),
  ].join('\n');
}

/** `kind legacy-id canonical-id fields`, a line that can be grepped. */
function lineOf(finding: Finding): string {
  const { kind, state, legacy_id: legacyId, canonical_run_id: runId, fields, accepted_by: rule } = finding;
  return [
    kind,
    `legacy=${legacyId ?? '-'}`,
    `canonical=${runId ?? '-'}`,
    ...(fields.length > 0 ? [fields.join(',')] : []),
    ...(state === 'in_flight' ? ['(in flight)'] : []),
    ...(rule === null ? [] : [`(accepted by ${rule})`]),
  ].join(' ');
}

const VERDICTS = {
  proven: 'proven: every row has its decision, its one canonical row, and the same content',
  wrong:
    'wrong: see the findings; `history-cdc explain <id>` tells what happened to one of them, `reconcile --repair` what can be put right',
  not_proven: 'not proven: rows are in flight, wait in quarantine, or were not compared',
} as const;

function closing(report: ReconcileReport): string {
  const { run, verdict, stale, gaps } = report;
  return [
    ...(run.legacy_counted === null || run.legacy_counted === run.legacy_rows
      ? []
      : [
          `compared ${run.legacy_rows} legacy rows, and the table holds ${run.legacy_counted} now: \`history-cdc reconcile --fresh\` compares all of it`,
        ]),
    ...(run.legacy_counted === '0' ? ['the legacy table holds no row: nothing in it was compared'] : []),
    ...(run.waited_for === null ? [] : [`in flight: ${run.waited_for}`]),
    `verdict of ${run.finished_at?.toISOString() ?? ''}: ${VERDICTS[verdict]}${butFor(report)}`,
    ...gaps.map(gapLine),
    ...(stale === null ? [] : [`the verdict is stale: ${stale}. run \`history-cdc reconcile\``]),
  ].join('\n');
}

const REASONS: Readonly<Record<string, string>> = {
  accepted: 'accepted differences',
  pruned: 'taken by retention',
  deleted: 'whose legacy row is deleted, so that nothing is left to compare with',
};

/** The rows that a verdict does not speak of, each reason with its number. */
function butFor({ verdict, run: { excepted } }: ReconcileReport): string {
  const reasons = Object.entries(excepted ?? {}).map(
    ([reason, rows]) => `${rows.toLocaleString('en')} ${REASONS[reason] ?? reason}`,
  );
  return verdict === 'proven' && reasons.length > 0 ? `, but for ${reasons.join(', ')}` : '';
}

function gapLine({ id, kind, openedAt, acceptedAt }: Gap): string {
  const next =
    acceptedAt === null
      ? '`history-cdc project` says what to do'
      : 'read the table again (`history-cdc snapshot start --follow`), then `history-cdc reconcile --fresh`, once no transaction is open that is older';
  return `not proven while gap ${id} of the stream (${kind}, since ${openedAt.toISOString()}) is open: ${next}`;
}
