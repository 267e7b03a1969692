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
    .description('signal a snapshot, and wait for Debezium to say that it began; all rows, unless told which')
    .option('--ids <list or file>', 'only these legacy ids: separated by commas, or a file with one a line')
    .option('--where <condition>', "only rows of which it is true, as behind SQL's WHERE")
    .option('--missing', 'only rows that the ledger has no decision on')
    .option('--follow', 'stay: hold it back by the limits below, and end when all of it is projected')
    .option('--timeout <seconds>', 'how long to wait for the answer', whole(1), ANSWER_SECONDS);
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
Without --follow it returns when the snapshot has begun. More than 2,000 ids go in portions, one after the other, each
followed to its end. Ends with 1 where Debezium gives no answer, or does not read to the end; it then says what to do.
With the limits, see \`history-cdc snapshot watch --help\`.

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

/** Undefined where nothing is missing. */
async function missingRows(
  context: CommandContext,
  session: Session,
  reply: Reply,
): Promise<Scope | undefined> {
  const { canonical, legacy } = session;
  const left = recordsToProject((await lookAt(session)).answers);
  if (left !== null && left > 0) {
    const why = `${countText(left)} records of the topic are not projected yet, and may be what is missing: history-cdc project --until-caught-up`;
    answerNone(context, why, reply);
    throw new AnswerNo();
  }
  const { legacyRows, uncovered, ids } = await coverage({ legacy, canonical });
  context.note(`${countText(uncovered)} of ${countText(legacyRows)} legacy rows have no decision`);
  if (uncovered === 0) {
    answerNone(context, 'nothing is missing: every legacy row has its decision', reply);
    return undefined;
  }
  if (uncovered <= KEPT) return { kind: 'ids', ids };
  context.note('more than can be asked for by id: the whole table is read');
  return { kind: 'table' };
}

/** The run; or, where Debezium said nothing, why and what to do, and exit code 1. */
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
Pauses the snapshot by signal while one of the limits is exceeded, and says which; it goes on when all are below 80 % of
their limit. It resumes only what a watch paused. The slot's lag is seen by everybody; sessions and replicas only by
members of pg_read_all_stats. Stopped while it holds the snapshot back, it leaves it paused.

Example:
  history-cdc snapshot watch --max-slot-lag 512 --pace-query "SELECT count(*) FROM pg_locks WHERE NOT granted" --max-pace-query 20`;

function registerWatch(snapshot: Command, context: CommandContext): void {
  withPaceOptions(
    snapshot
      .command('watch')
      .description(
        'follow the snapshot that is under way to its end, and hold it back where the database needs it',
      ),
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
      ? 'no incremental snapshot was ever started: history-cdc snapshot start'
      : `no snapshot is under way; the last one, ${run.id}, has ${run.state}: history-cdc snapshot status`;
  answerNone(context, why, reply);
  throw new AnswerNo();
}

function registerStatus(snapshot: Command, context: CommandContext): void {
  snapshot
    .command('status')
    .description('how far it is, why it stands, and whether every legacy row has its decision')
    .option(
      '--no-coverage',
      'do not compare the table with the ledger, which takes a second for 200,000 rows',
    )
    .option('--json', 'print the facts as JSON')
    .addHelpText(
      'after',
      '\nEnds with 0 where it is done, or runs; with 1 where it is neither: it then says why, and what to do.\n\nExample:\n  history-cdc snapshot status --json',
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
  pause: { description: 'read no further chunk; the stream goes on', work: pauseRun, done: 'paused' },
  resume: { description: 'read on where it was', work: resumeRun, done: 'reads on' },
  stop: { description: 'end it before its end; what was read stays', work: stopRun, done: 'stopped' },
} as const;

function registerSwitches(snapshot: Command, context: CommandContext): void {
  for (const verb of ['pause', 'resume', 'stop'] as const) {
    const { description, work, done } = SWITCHES[verb];
    snapshot
      .command(verb)
      .description(description)
      .option(
        '--why <text>',
        'kept with the signal, and shown by `snapshot status`',
        `history-cdc snapshot ${verb}`,
      )
      .option('--timeout <seconds>', 'how long to wait for the answer', whole(1), ANSWER_SECONDS)
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
