import { KINDS } from '../operations/reconcile/kinds.ts';
import type { Finding, ReconcileReport } from '../operations/reconcile/report.ts';
import type { Gap } from '../operations/continuity/gaps.ts';
import { countText } from '../lib/figures.ts';
import type { AnswerFacts } from './answers.ts';
import type { CommandContext } from './context.ts';
import { rowJson } from './row-json.ts';
import { renderUnhealed } from '../consumers/agent-test-history/stream/quarantine-counts.ts';
import type { Screen } from '../lib/screen.ts';
import { tableOf } from '../lib/table.ts';

/**
 * Answers with the report and every finding. There may be as many findings as rows, so they are never all in memory.
 */
export async function answerReport(
  context: CommandContext,
  report: ReconcileReport,
  { findings, json }: { findings: AsyncIterable<Finding>; json: boolean | undefined },
): Promise<void> {
  await context.longAnswer('reconcile', {
    json,
    facts: factsOf(report),
    list: 'findings',
    items: findings,
    fact: rowJson,
    text: { before: renderReport(report), line: lineOf, after: closing(report) },
  });
}

function factsOf({
  run,
  kinds,
  gaps,
  ...report
}: ReconcileReport): Omit<AnswerFacts<'reconcile'>, 'findings'> {
  return {
    run: run.id,
    scope: run.scope,
    since: run.since,
    startedAt: run.started_at,
    finishedAt: run.finished_at,
    ruleVersion: run.rule_version,
    release: run.release,
    waitedFor: run.waited_for,
    legacyRows: Number(run.legacy_rows),
    legacyCounted: run.legacy_counted === null ? null : Number(run.legacy_counted),
    ledgerRows: Number(run.ledger_rows),
    canonicalRows: Number(run.canonical_rows),
    decisions: run.decisions,
    excepted: run.excepted ?? {},
    gaps: gaps.map(({ id, kind, openedAt, acceptedAt }) => ({ id, kind, openedAt, acceptedAt })),
    kinds: rowJson(kinds),
    ...report,
  };
}

function renderReport({ run, kinds, accepted, rowsSeen, quarantine }: ReconcileReport): Screen {
  const decisions = Object.entries(run.decisions ?? {}).sort(([, a], [, b]) => b - a);
  return [
    tableOf(['decision', 'rows'], [...decisions, ['sum', rowsSeen]]),
    `compared: ${countText(Number(run.legacy_rows))} legacy rows, ${countText(Number(run.ledger_rows))} rows of the ledger, ${countText(Number(run.canonical_rows))} canonical rows`,
    `in quarantine now: ${renderUnhealed(quarantine)}`,
    ...(kinds.length === 0
      ? []
      : [
          tableOf(
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
    ...Object.entries(accepted).map(([rule, hits]) => `accepted by ${rule}: ${countText(hits)}`),
  ];
}

/** Writes a finding as one line for grep: `kind legacy-id canonical-id fields`. */
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
  changes_proven:
    'the changes are proven: each row that changed since then has its decision, its one canonical row, and the same content. This is not the whole',
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

/** The rows that the verdict does not cover: each reason with its number of rows. */
function butFor({ verdict, run: { excepted } }: ReconcileReport): string {
  const reasons = Object.entries(excepted ?? {}).map(
    ([reason, rows]) => `${countText(rows)} ${REASONS[reason] ?? reason}`,
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
