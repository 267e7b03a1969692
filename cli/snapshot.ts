import type { Command } from 'commander';
import { pauseRun, resumeRun, stopRun, type SignalOutcome } from '../operations/snapshot/ask.ts';
import { coverage, KEPT } from '../operations/snapshot/coverage.ts';
import { recordsToProject } from '../operations/checks/snapshot.ts';
import { isOpen, type SnapshotRun } from '../operations/facts/snapshot-runs.ts';
import { portionsOf, type Scope } from '../operations/snapshot/scope.ts';
import { lookAt, SNAPSHOT_NEEDS, withSession, type Session } from '../operations/snapshot/session.ts';
import { startSnapshot } from '../operations/snapshot/start.ts';
import { statusOf } from '../operations/snapshot/status.ts';
import { recordActionAlone } from '../consumers/agent-test-history/batch/actions.ts';
import { countText } from '../lib/figures.ts';
import { AnswerNo, type CommandContext } from './context.ts';
import { whole } from './parsers.ts';
import { withProgress } from './progress.ts';
import { finish, followRun, type Following, type FollowOptions } from './snapshot-follow.ts';
import { paceSettings, scopeOf, startAgain, withPaceOptions, type ScopeOptions } from './snapshot-options.ts';
import { answerStatus, renderDiagnosis, type SnapshotCommand } from './snapshot-view.ts';

const ANSWER_SECONDS = 60;

/** How an answer is printed: under the name of the command that gives it, as JSON or as text. */
interface Reply {
  readonly command: Exclude<SnapshotCommand, 'snapshot status'>;
  readonly json: true | undefined;
}

export function registerSnapshot(command: Command, context: CommandContext): void {
  const snapshot = command.addHelpText(
    'after',
    '\nExamples:\n  history-cdc snapshot start --follow\n  history-cdc snapshot status',
  );
  registerStart(snapshot, context);
  registerWatch(snapshot, context);
  registerStatus(snapshot, context);
  registerSwitches(snapshot, context);
}

type StartOptions = ScopeOptions & FollowOptions & { readonly follow?: true; readonly timeout: number };

function registerStart(snapshot: Command, context: CommandContext): void {
  const start = snapshot
    .command('start')
    .description(
      'start a snapshot by signal, and wait for Debezium to confirm it; reads all rows, or those that you name',
    )
    .option(
      '--ids <list or file>',
      'only these legacy ids, separated by commas, or a file with one id per line',
    )
    .option('--where <condition>', 'only rows for which this SQL condition is true')
    .option('--missing', 'only rows without a decision in the ledger')
    .option('--follow', 'stay until everything is projected, and pause the snapshot at the limits below')
    .option('--timeout <seconds>', 'the longest wait for the answer of Debezium', whole(1), ANSWER_SECONDS);
  withPaceOptions(start)
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', START_HELP)
    .action(async (options: StartOptions) => {
      const scope = scopeOf(options);
      const reply = { command: 'snapshot start', json: options.json } as const;
      paceSettings(options);
      await withSession(context.config(SNAPSHOT_NEEDS), async (session) => {
        const wanted = scope === 'missing' ? await missingRows(context, session, reply) : scope;
        if (wanted !== undefined)
          await startAll(
            { context, session, signal: context.surroundings.stopSignal(), reply },
            wanted,
            options,
          );
      });
    });
}

const START_HELP = `
Without --follow it returns when the snapshot has begun. More than 2,000 ids are read in portions, one after the other, and
each is followed to its end. Ends with 1, and says what to do, if Debezium does not answer or does not read to the end.
\`history-cdc snapshot watch --help\` explains the limits.

Examples:
  history-cdc snapshot start --follow
  history-cdc snapshot start --missing
  history-cdc snapshot start --ids 0b2eb931-57ce-4d0a-afe4-a93a4a8f1f17
  history-cdc snapshot start --where "started_at >= '2026-05-01'"`;

async function startAll(started: Following, scope: Scope, options: StartOptions): Promise<void> {
  const { context, session, reply } = started;
  const portions = portionsOf(scope);
  const follow = options.follow === true || portions.length > 1;
  for (const [index, portion] of portions.entries()) {
    const timeoutMs = options.timeout * 1000;
    const again = startAgain(options);
    const answer = await startSnapshot(session, { scope: portion, timeoutMs, again });
    const run = answered(context, answer, reply);
    if (portions.length > 1)
      context.note(`portion ${String(index + 1)} of ${String(portions.length)}: ${run.id}`);
    if (follow) await followRun(started, run, options);
    else
      answerRun(context, run, {
        ...reply,
        text: `Debezium has begun the snapshot ${run.id}. \`history-cdc snapshot status\` shows its progress. \`history-cdc snapshot watch\` pauses it while the database is under load.`,
      });
  }
  if (follow) await finish(started);
}

function answerRun(
  context: CommandContext,
  { id, state, startedAtMs }: SnapshotRun,
  { command, json, text }: Reply & { text: string },
): void {
  context.answer(command, { json, facts: { id, state, startedAt: new Date(startedAtMs) }, text: () => text });
}

/** Answers that no snapshot is under way, or that none is needed. */
function answerNone(context: CommandContext, why: string, { command, json }: Reply): void {
  context.answer(command, { json, facts: { id: null, why }, text: () => why });
}

/** The ids of rows without a decision; undefined if there are none. */
async function missingRows(
  context: CommandContext,
  session: Session,
  reply: Reply,
): Promise<Scope | undefined> {
  const { canonical, legacy } = session;
  const left = recordsToProject((await lookAt(session)).answers);
  if (left !== null && left > 0) {
    const why = `${countText(left)} records of the topic are not projected yet, so it is not known which rows are missing; run history-cdc project --until-caught-up first`;
    answerNone(context, why, reply);
    throw new AnswerNo();
  }
  const { legacyRows, uncovered, ids } = await coverage({ legacy, canonical });
  context.note(`${countText(uncovered)} of ${countText(legacyRows)} legacy rows have no decision`);
  if (uncovered === 0) {
    answerNone(context, 'nothing is missing, because every legacy row has a decision', reply);
    return undefined;
  }
  if (uncovered <= KEPT) return { kind: 'ids', ids };
  context.note('these are too many to be read by id, so the whole table is read');
  return { kind: 'table' };
}

/** Returns the run. If Debezium did not answer, prints why and what to do, and ends with exit code 1. */
function answered(context: CommandContext, answer: SignalOutcome, { command, json }: Reply): SnapshotRun {
  if (answer.kind === 'answered') return answer.run;
  const { signal, diagnosis } = answer;
  context.answer(command, {
    json,
    facts: { signal: signal.id, ...diagnosis },
    text: () => `${signal.type} ${signal.id}: ${renderDiagnosis(diagnosis)}`,
  });
  throw new AnswerNo();
}

const WATCH_HELP = `
Pauses the snapshot by signal while a limit is exceeded, and says which one. The snapshot goes on when all values are below
80 % of their limits. A snapshot that a person paused is not resumed. Every role sees the slot's lag; only members of
pg_read_all_stats see sessions and replicas. If you stop the watch while the snapshot is paused, it stays paused.

Example:
  history-cdc snapshot watch --max-slot-lag 512 --pace-query "SELECT count(*) FROM pg_locks WHERE NOT granted" --max-pace-query 20`;

function registerWatch(snapshot: Command, context: CommandContext): void {
  withPaceOptions(
    snapshot
      .command('watch')
      .description('follow the running snapshot to its end, and pause it while the database is under load'),
  )
    .option('--json', 'print the status at the end as JSON')
    .addHelpText('after', WATCH_HELP)
    .action(async (options: FollowOptions) => {
      paceSettings(options);
      await withSession(context.config(SNAPSHOT_NEEDS), async (session) => {
        const reply = { command: 'snapshot watch', json: options.json } as const;
        const started = { context, session, signal: context.surroundings.stopSignal(), reply };
        await followRun(started, openRun(context, session, reply), options);
        await finish(started);
      });
    });
}

function openRun(context: CommandContext, session: Session, reply: Reply): SnapshotRun {
  const run = session.observer.current().history.runs.at(-1);
  if (run !== undefined && isOpen(run)) return run;
  const why =
    run === undefined
      ? 'no incremental snapshot was ever started; `history-cdc snapshot start` starts one'
      : `no snapshot is under way; the last one, ${run.id}, has ${run.state}; \`history-cdc snapshot status\` tells more`;
  answerNone(context, why, reply);
  throw new AnswerNo();
}

function registerStatus(snapshot: Command, context: CommandContext): void {
  snapshot
    .command('status')
    .description(
      'show how far the snapshot is, why it does not move, and whether every legacy row has a decision',
    )
    .option(
      '--no-coverage',
      'do not compare the table with the ledger (the comparison takes 1 s per 200,000 rows)',
    )
    .option('--json', 'print the facts as JSON')
    .addHelpText(
      'after',
      '\nEnds with 0 if the snapshot is done or runs. Otherwise it ends with 1, and says why and what to do.\n\nExample:\n  history-cdc snapshot status --json',
    )
    .action(async ({ json, coverage: covered }: { json?: true; coverage: boolean }) => {
      await withSession(context.config(SNAPSHOT_NEEDS), async (session) => {
        const total = session.observer.current().history.runs.at(-1)?.rowsTotal ?? 0;
        const status = await withProgress(context, 'legacy rows looked up in the ledger', (progress) =>
          statusOf(session, {
            coverage: covered,
            onProgress: (rows) => {
              progress(rows, Math.max(total, rows));
            },
          }),
        );
        answerStatus(context, status, { command: 'snapshot status', json });
        if (!WELL.includes(status.verdict)) throw new AnswerNo();
      });
    });
}

const WELL = ['done', 'read', 'running', 'initial'];

const SWITCHES = {
  pause: { description: 'pause the snapshot; the stream goes on', work: pauseRun, done: 'paused' },
  resume: { description: 'continue a paused snapshot', work: resumeRun, done: 'continues' },
  stop: {
    description: 'end the snapshot early; the rows that were read stay in the topic',
    work: stopRun,
    done: 'stopped',
  },
} as const;

function registerSwitches(snapshot: Command, context: CommandContext): void {
  for (const verb of ['pause', 'resume', 'stop'] as const) {
    const { description, work, done } = SWITCHES[verb];
    snapshot
      .command(verb)
      .description(description)
      .option(
        '--why <text>',
        'the reason; it is stored with the signal, and `snapshot status` shows it',
        `history-cdc snapshot ${verb}`,
      )
      .option('--timeout <seconds>', 'the longest wait for the answer of Debezium', whole(1), ANSWER_SECONDS)
      .option('--json', 'print the answer as JSON')
      .addHelpText('after', `\nExample:\n  history-cdc snapshot ${verb}`)
      .action(async ({ why, timeout, json }: { why: string; timeout: number; json?: true }) => {
        await withSession(context.config(SNAPSHOT_NEEDS), async (session) => {
          const remark = { by: 'person', why } as const;
          const reply = { command: `snapshot ${verb}`, json } as const;
          const open = openRun(context, session, reply);
          await recordActionAlone(session.canonical, { command: reply.command });
          const answer = await work(session, open, { timeoutMs: timeout * 1000, remark });
          const run = answered(context, answer, reply);
          answerRun(context, run, { ...reply, text: `${run.id}: ${done}` });
        });
      });
  }
}
