import { Command, CommanderError } from 'commander';
import type { Environment } from '../lib/config.ts';
import { printable } from '../lib/printable.ts';
import { RELEASE } from '../lib/release.ts';
import type { ErrorAnswer } from './answers.ts';
import type { CommandContext } from './context.ts';

const EXIT_NO = 1;
const EXIT_CANNOT = 2;

type Register = (command: Command, context: CommandContext) => void;
/** The description of a command, and the import of its options and its action. */
type Listed = readonly [about: string, load: () => Promise<Register>];

/** The commands that `--help` lists. A command is imported when it is called, so that `--help` loads few modules. */
const COMMANDS: Readonly<Record<string, Readonly<Record<string, Listed>>>> = {
  'Set up:': {
    demo: [
      'do the whole job on a local stack of its own, with generated data: snapshot, stream, checks, report; exit code 1 if a check fails',
      async () => (await import('./demo.ts')).registerDemo,
    ],
    stack: [
      'start and stop a local Postgres, Kafka, Connect with Debezium, and schema registry, as plain processes',
      async () => (await import('./stack.ts')).registerStack,
    ],
    config: [
      'list every setting: value, source, default and meaning; secrets are masked',
      async () => (await import('./config.ts')).registerConfig,
    ],
    completion: [
      'print a script with which bash, zsh or fish completes commands, options and choices',
      async () => (await import('./completion.ts')).registerCompletion,
    ],
    doctor: [
      'check databases, roles, slot, Kafka, Connect and registry, before a deployment or at any time after it',
      async () => (await import('./doctor.ts')).registerDoctor,
    ],
    migrate: [
      'create or upgrade the schema history_cdc (ledger, offsets, quarantine), and touch nothing else',
      async () => (await import('./migrate.ts')).registerMigrate,
    ],
    connector: [
      'prepare, plan, apply and watch the Debezium connector in Kafka Connect',
      async () => (await import('./connector.ts')).registerConnector,
    ],
  },
  'Run:': {
    project: [
      'project the topic into the canonical tables until it is stopped: first the snapshot, then every change',
      async () => (await import('./project.ts')).registerProject,
    ],
    snapshot: [
      'read the legacy table again while the stream goes on: all rows, or some of them',
      async () => (await import('./snapshot.ts')).registerSnapshot,
    ],
  },
  'Look:': {
    status: [
      'show on one screen whether all is well, how far behind it is, and the one thing to do next',
      async () => (await import('./status.ts')).registerStatus,
    ],
    console: [
      'serve the console: pages in a browser with the state of everything, live, and the story of any run',
      async () => (await import('./console.ts')).registerConsole,
    ],
    find: [
      'find rows by agent, organisation, user, time, decision, reason or the first characters of an id',
      async () => (await import('./find.ts')).registerFind,
    ],
    explain: [
      'show everything known about one row: events, look-ups then and now, twins, decision, and what would be decided today',
      async () => (await import('./explain.ts')).registerExplain,
    ],
    webhook: [
      'the messages that tell people of a gap, a wrong verdict or an incident: send a test, list, send again',
      async () => (await import('./webhook.ts')).registerWebhook,
    ],
    actions: [
      'list what people did: retries, waivers, repairs, undos, acceptances, and so on',
      async () => (await import('./actions.ts')).registerActions,
    ],
  },
  'Prove:': {
    census: [
      'predict the number of rows per decision from the legacy table; only reads, and needs no `migrate`',
      async () => (await import('./census.ts')).registerCensus,
    ],
    reconcile: [
      'compare legacy rows, ledger and canonical rows in both directions by content, and list every id that is wrong',
      async () => (await import('./reconcile.ts')).registerReconcile,
    ],
  },
  'Put right:': {
    sweep: [
      'look once for live rows and memberships that came late, and correct the decisions, as `project` does regularly',
      async () => (await import('./sweep.ts')).registerSweep,
    ],
    quarantine: [
      'show, retry or waive records that could not be decoded or written',
      async () => (await import('./quarantine.ts')).registerQuarantine,
    ],
    replay: [
      'read the topic again and apply what is missing; a replay of what was projected changes nothing',
      async () => (await import('./replay.ts')).registerReplay,
    ],
    redecide: [
      'list rows that would be decided differently today, and why; changes nothing without --apply',
      async () => (await import('./redecide.ts')).registerRedecide,
    ],
  },
  'Retire:': {
    soak: [
      'may the legacy table go? every condition, since when, what is missing, and when it will be met',
      async () => (await import('./soak.ts')).registerSoak,
    ],
    archive: [
      'the legacy table as files that public tools read, in a folder or in S3: export, verify, restore, drill, list, erase',
      async () => (await import('./archive.ts')).registerArchive,
    ],
    undo: [
      'remove the canonical rows that the projector wrote; changes nothing without --apply',
      async () => (await import('./undo.ts')).registerUndo,
    ],
    forget: [
      'erase a person from what we keep, without changing any count or decision; changes nothing without --apply',
      async () => (await import('./forget.ts')).registerForget,
    ],
    retire: [
      'the end of the legacy table, step by step: check, fence, close, drop; unfence is the way back',
      async () => (await import('./retire.ts')).registerRetire,
    ],
    evidence: [
      'the proof in one file: export it, and verify it without any database',
      async () => (await import('./evidence.ts')).registerEvidence,
    ],
    teardown: [
      'take connector, slot, publication, topics and the rest off the servers; without --apply it changes nothing',
      async () => (await import('./teardown.ts')).registerTeardown,
    ],
  },
};

const HELP = `
Every command has --help with examples. Exit codes: 0 yes or done, 1 no or something is left to do, 2 it could not run.

Documentation, in this checkout:
  README.md            what it is, and how to try it
  docs/running.md      deployment and operation, step by step
  docs/runbook.md      what to do when something is wrong
  docs/architecture.md how it works`;

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

export interface Surroundings {
  readonly environment: Environment;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Receives the lines of the log. Without it, pino writes them to the process's stderr. */
  readonly log?: (line: string) => void;
  /** True if stdout is a terminal, where a screen can replace the previous one. */
  readonly redraws: boolean;
  /** The size of the terminal at stdout now; undefined if stdout is no terminal, or if nobody knows its size. */
  readonly size?: () => Size | undefined;
  /** Calls the listener when the size of the terminal changes. Returns how to end that. */
  readonly onResize?: (listener: () => void) => () => void;
  /** Whether stdout takes colours. */
  readonly colours?: boolean;
  /** True if stderr is a terminal, where progress can be shown as a bar. */
  readonly drawsBars: boolean;
  /** Fires when the command must stop. */
  readonly stopSignal: () => AbortSignal;
  /** Fires when nobody can read stdout any more. Without it, stdout is taken to be there for ever. */
  readonly outputLost?: AbortSignal;
}

/** Runs `history-cdc` with these arguments. Returns its exit code. */
export async function runProgram(args: readonly string[], surroundings: Surroundings): Promise<number> {
  try {
    const program = await buildProgram(args, surroundings);
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    return await reportError(error, { form: errorForm(args, surroundings), stderr: surroundings.stderr });
  }
}

/** Builds the program: all commands by name, and the called command with its options and action. */
async function buildProgram(args: readonly string[], surroundings: Surroundings): Promise<Command> {
  const program = new Command('history-cdc')
    .description(
      'Ends the dual write of agent_test_history: streams it with Debezium and projects every owner run once.',
    )
    .version(RELEASE, '-V, --version', 'print the release')
    // A command's options end where its subcommand begins: `soak` must not take the --json of `soak attest`.
    .enablePositionalOptions()
    .configureHelp({ sortSubcommands: false })
    .configureOutput({
      writeOut: surroundings.stdout,
      writeErr: surroundings.stderr,
      // `reportError` says it where an error is JSON.
      ...(errorForm(args, surroundings) !== 'text' && { outputError: () => undefined }),
    })
    .addHelpCommand(
      new Command('help').argument('[command]').description('the help of a command').helpGroup('Look:'),
    )
    .addHelpText('after', HELP)
    .showSuggestionAfterError()
    .exitOverride();
  const called = calledOf(args);
  for (const [group, commands] of Object.entries(COMMANDS)) {
    program.commandsGroup(group);
    for (const [name, [about, load]] of Object.entries(commands)) {
      const command = program.command(name).description(about);
      // The completion knows all commands.
      if (name !== called && called !== 'completion') continue;
      const { createContext } = await import('./context.ts');
      (await load())(command, createContext(surroundings));
    }
  }
  return program;
}

function calledOf(args: readonly string[]): string | undefined {
  return args.find((arg) => !arg.startsWith('-') && arg !== 'help');
}

/** Commands that log while they run. Where a collector reads stderr, the line that tells of their end has the log's format. */
const LOGGING = new Set(['project', 'replay', 'console']);

type ErrorForm = 'text' | 'json' | 'log';

export function errorForm(
  args: readonly string[],
  { drawsBars }: Pick<Surroundings, 'drawsBars'>,
): ErrorForm {
  // What stands behind `--` is for another program.
  if (args.includes('--json') && !args.slice(0, args.indexOf('--json')).includes('--')) return 'json';
  return !drawsBars && LOGGING.has(calledOf(args) ?? '') ? 'log' : 'text';
}

/** Turns the error of a command into an exit code, and into a message with the way out on stderr. */
export async function reportError(
  error: unknown,
  { form, stderr }: Pick<Surroundings, 'stderr'> & { readonly form: ErrorForm },
): Promise<number> {
  if (error instanceof CommanderError && error.exitCode === 0) return 0;
  // Commander has printed its own message.
  if (error instanceof CommanderError && form === 'text') return EXIT_CANNOT;
  const { AnswerNo } = await import('./context.ts');
  if (error instanceof AnswerNo) return EXIT_NO;
  const answer = await errorAnswer(error);
  if (form === 'json') stderr(errorLine(answer));
  else if (form === 'text')
    stderr(printable(`error ${answer.code}: ${answer.message}\n  way out: ${answer.wayOut}\n`));
  else {
    const { createLogger } = await import('../lib/log.ts');
    const { message, ...facts } = answer;
    createLogger('error', stderr).fatal(facts, message);
  }
  return EXIT_CANNOT;
}

async function errorAnswer(error: unknown): Promise<ErrorAnswer> {
  if (error instanceof CommanderError)
    return { code: 'USAGE', message: error.message, wayOut: '`history-cdc --help`' };
  const { namedError } = await import('../lib/named-error.ts');
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const { code, message, wayOut } = namedError(error) ?? {
    code: 'UNEXPECTED',
    message: stack,
    wayOut: REPORT_IT,
  };
  return { code, message, wayOut };
}

const REPORT_IT = 'this is a fault in history-cdc: report it with this message, and run the command again';

/** The JSON of an error is one line, because lines of the log may precede it on stderr. */
function errorLine({ code, message, wayOut }: ErrorAnswer): string {
  return printable(`${JSON.stringify({ code, message, wayOut })}\n`);
}
