import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import {
  assertSameSettings,
  decidingSettings,
} from '../consumers/agent-test-history/batch/deciding-settings.ts';
import { parseAcceptRules, type AcceptRules } from '../operations/reconcile/accepted.ts';
import { reconcile } from '../operations/reconcile/reconcile.ts';
import { reconcileSince } from '../operations/reconcile/since.ts';
import { findingsOf, reportOf, type ReconcileReport } from '../operations/reconcile/report.ts';
import { lastFinished, type ReconcileRun } from '../operations/reconcile/run-store.ts';
import { readTopicEnds } from '../operations/reconcile/topic-ends.ts';
import { closableGaps, closeGaps } from '../operations/continuity/gaps.ts';
import { FatalError, messageOf } from '../lib/errors.ts';
import type { Pool } from '../lib/postgres.ts';
import { AnswerNo, type CommandContext } from './context.ts';
import { checkContextOf } from './pipeline-context.ts';
import { moment, whole } from './parsers.ts';
import { listHistory } from './reconcile-history.ts';
import { createProgress } from './progress.ts';
import { repairLast } from './reconcile-repair.ts';
import { answerReport } from './reconcile-report.ts';
import { assertTables, withDatabases, type Databases } from './with-databases.ts';

interface Options {
  readonly accept?: string;
  readonly settleSeconds: number;
  readonly chunkRows: number;
  readonly sourceIsQuiet?: true;
  readonly fresh?: true;
  readonly last?: true;
  readonly since?: Date;
  readonly history?: number | true;
  readonly repair?: true;
  readonly apply?: boolean;
  readonly json?: true;
}

const RUNS_LISTED = 20;

const HELP = `
Compares every column by content, with SQL that shares no code with the projector. It changes nothing except its own
notes in the schema history_cdc. A difference is checked again before it counts. A difference between the legacy table
and the ledger is confirmed when everything that the source had committed by then has been streamed and projected. If
that takes longer than --settle-seconds, the difference is reported as in flight, the verdict is "not proven", and the
answer says what it waited for. If Kafka or the slot cannot be asked, but nobody writes and everything is projected,
give --source-is-quiet.

An accepted gap of the stream (\`project --accept-gap\`) is closed only by a run that began after it and is proven.
While a gap is open, the exit code is 1.

A run that was interrupted can be continued for 24 hours. A verdict is stale after 24 hours, or when the rule or the
version of history-cdc has changed. Ends with 0 if every row is there once and right. Ends with 1 if not, or if that
is not proven.

--since compares the rows of the ledger and of the legacy table that changed after a moment of the last 7 days, whoever
changed them, and the canonical rows that belong to them. It does not find what was deleted, nor what changed in the canonical
table alone. Its good verdict is "the changes are proven"; no other command takes that for a proof of the whole.

--history lists every stored verdict, and the passes that \`project\` has made over everything (scope background).

--repair takes the findings of the last run. It writes our missing or different canonical rows again from the legacy
table, with the projector's own statement. Without --apply it is a dry run. It leaves and names rows that are not
ours, whose legacy row is gone, or that would be decided differently today; the exit code is then 1.

--accept names a file of differences that a person has accepted, each until a date:
  {"version": 1, "rules": [{"id": "r1", "kind": "missing", "legacy_id": "…", "owner": "…", "reason": "…", "expires": "2027-01-31"}]}
or, in place of legacy_id, "field" with the kind "different": any row that differs in nothing else.

Examples:
  history-cdc reconcile
  history-cdc reconcile --last --json
  history-cdc reconcile --since 2026-11-30T08:00:00Z
  history-cdc reconcile --history 100
  history-cdc reconcile --repair
  history-cdc reconcile --repair --apply`;

export function registerReconcile(command: Command, context: CommandContext): void {
  command
    .option('--accept <file>', 'a file of accepted differences')
    .option(
      '--settle-seconds <seconds>',
      'how long to wait until differences are no longer in flight',
      whole(0, 3600),
      30,
    )
    .option(
      '--source-is-quiet',
      'confirm differences at once, because nobody writes and everything is projected',
    )
    .option('--fresh', 'begin a new run, even if another one was interrupted')
    .option('--chunk-rows <rows>', 'rows per statement', whole(1, 100_000), 10_000)
    .option('--last', 'print the last verdict and whether it is stale, without a comparison')
    .option(
      '--since <time>',
      'compare only rows that changed since then (ISO 8601 with a zone): not the whole, and never "proven"',
      moment,
    )
    .option('--history [runs]', 'list the stored verdicts, newest first; compare nothing', whole(1, 10_000))
    .option(
      '--repair',
      'list our canonical rows that the last run found missing or different, and that would be written again',
    )
    .option('--apply', 'with --repair: write the rows')
    .option('--json', 'print every finding as JSON')
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      await withDatabases(context, 'reconcile', async (databases) => {
        const { json, apply = false } = options;
        if (options.history !== undefined) {
          const limit = options.history === true ? RUNS_LISTED : options.history;
          await listHistory(context, databases, { limit, json });
          return;
        }
        if (options.repair === true) {
          await repairLast(context, databases, { report: await lastReport(databases), apply, json });
          return;
        }
        const report =
          options.last === true ? await lastReport(databases) : await compared(context, databases, options);
        const findings = findingsOf(databases.canonical, report.run.id);
        await answerReport(context, report, { findings, json });
        const good = report.run.scope === 'whole' ? 'proven' : 'changes_proven';
        if (report.verdict !== good || report.stale !== null || report.gaps.length > 0) throw new AnswerNo();
      });
    });
}

async function lastReport({ canonical }: Databases): Promise<ReconcileReport> {
  const run = await lastFinished(canonical);
  if (run !== undefined) return await reportOf(canonical, run);
  throw new FatalError({
    code: 'CONFIG_INVALID',
    message: 'there is no verdict, because `reconcile` has never been completed here',
    wayOut: 'run `history-cdc reconcile`',
  });
}

async function compared(
  context: CommandContext,
  databases: Databases,
  options: Options,
): Promise<ReconcileReport> {
  const { canonical, legacy, config } = databases;
  const rules = acceptRules(options.accept);
  for (const { id, expires } of rules.expired)
    context.note(`the rule ${id} expired on ${expires}: not applied`);
  await assertTables(databases);
  // With another match window, a link that the projector may make would count as wrong, and the other way round.
  await assertSameSettings(canonical, decidingSettings(config));
  const progress = createProgress('rows compared', context.surroundings);
  const total = await roughTotal(databases);
  const signal = context.surroundings.stopSignal();
  const closable = await closableGaps(canonical, legacy);
  const how = {
    canonical,
    ...checkContextOf(databases),
    settleSeconds: options.settleSeconds,
    sourceIsQuiet: options.sourceIsQuiet === true,
    stream: { legacy, slot: config.SLOT_NAME, topicEnds: () => readTopicEnds(config) },
    chunkRows: options.chunkRows,
    accepted: rules.valid,
    signal,
    onProgress: (at: ReconcileRun) => {
      progress.update(Math.min(rowsOf(at), total), Math.max(total, 1));
    },
  };
  const { since } = options;
  const running =
    since !== undefined
      ? reconcileSince({ ...how, since })
      : reconcile({
          ...how,
          fresh: options.fresh === true,
          onResume: (at) => {
            context.note(`going on with the run of ${at.started_at.toISOString()}; --fresh begins anew`);
          },
        });
  const run = await running.catch((error: unknown) => {
    if (!signal.aborted) throw error;
    context.note(
      since === undefined
        ? 'stopped before its end: the next `history-cdc reconcile` goes on from here'
        : 'stopped before its end: there is no verdict',
    );
    throw new AnswerNo();
  });
  progress.end();
  for (const id of await closeGaps(canonical, run.id, closable))
    context.note(`gap ${id} of the stream is closed: nothing is missing`);
  return await reportOf(canonical, run);
}

function rowsOf({ legacy_rows, ledger_rows, canonical_rows }: ReconcileRun): number {
  return Number(legacy_rows) + Number(ledger_rows) + Number(canonical_rows);
}

const ROUGHLY = 'SELECT greatest(reltuples, 0)::float8 AS rows FROM pg_class WHERE oid = $1::regclass';

/** By Postgres's own estimate: to count would take as long as to compare. */
async function roughTotal({ canonical, legacy }: Databases): Promise<number> {
  const rows = async (pool: Pool, table: string) =>
    (await pool.query<{ rows: number }>(ROUGHLY, [table])).rows[0]?.rows ?? 0;
  const counts = await Promise.all([
    rows(legacy, 'public.agent_test_history'),
    rows(canonical, 'history_cdc.ledger'),
    rows(canonical, 'public.agent_compliance_runs'),
  ]);
  return counts.reduce((sum, count) => sum + count, 0);
}

function acceptRules(path: string | undefined): AcceptRules {
  if (path === undefined) return { valid: [], expired: [] };
  try {
    return parseAcceptRules(readFileSync(path, 'utf8'), path, new Date());
  } catch (error) {
    if (error instanceof FatalError) throw error;
    throw new FatalError({
      code: 'CONFIG_INVALID',
      message: `the file of accepted differences cannot be read: ${messageOf(error)}`,
      wayOut: 'check the path that --accept names',
      cause: error,
    });
  }
}
