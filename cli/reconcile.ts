import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
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
Changes nothing but its own notes in the schema history_cdc, and compares by content, column by column, from SQL that
shares nothing with what the projector writes by. What it finds it looks at again before it counts: a difference
between the legacy table and the ledger is confirmed once everything that the source had committed when it was found has
been streamed and projected; a row that changes again meanwhile begins anew. Where that does not happen within
--settle-seconds, it is reported as in flight, the verdict is "not proven", and the answer says what it waited for. Where
Kafka or the slot cannot be asked, nobody writes and all is projected, say so with --source-is-quiet.

A gap of the stream that was accepted (\`project --accept-gap\`) is closed by a run that began afterwards and is proven, and
by nothing else; while one is open, this ends with 1.

A run that was broken off goes on where it was, for 24 hours. A verdict is stale after 24 hours, or when the rule or
the version of history-cdc has changed. Ends with 0 where everything is there, once, and right; with 1 where it is not, or not proven.

--since compares the rows of the ledger and of the legacy table that changed after a moment of the last 7 days, whoever
changed them, and the canonical rows that belong to them. It does not find what was deleted, nor what changed in the canonical
table alone. Its good verdict is "the changes are proven"; no other command takes that for a proof of the whole.

--history lists every stored verdict, and the passes that \`project\` has made over everything (scope background).

--repair takes the findings of the last run: canonical rows of ours that are missing or different are written anew from
the legacy table, by the projector's own statement; a dry run unless --apply. What is none of ours, whose legacy row is
gone, or what would be decided otherwise today, is left and named, with exit code 1.

--accept names a file of differences that a person has accepted, each until a day:
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
    .option('--settle-seconds <seconds>', 'how long to wait for what may be on its way', whole(0, 3600), 30)
    .option('--source-is-quiet', 'nobody writes and all is projected: what is found counts at once')
    .option('--fresh', 'begin anew, also where a run was broken off')
    .option('--chunk-rows <rows>', 'rows a statement', whole(1, 100_000), 10_000)
    .option('--last', 'print the last verdict, and whether it is stale; compare nothing')
    .option(
      '--since <time>',
      'compare only rows that changed since then (ISO 8601 with a zone): not the whole, and never "proven"',
      moment,
    )
    .option('--history [runs]', 'list the stored verdicts, newest first; compare nothing', whole(1, 10_000))
    .option(
      '--repair',
      'say which canonical rows of ours that the last run found missing or different would be written anew',
    )
    .option('--apply', 'with --repair: do it')
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
    message: 'there is no verdict: `reconcile` has never come to its end here',
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
