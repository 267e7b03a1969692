import { Command, CommanderError } from 'commander';
import type { Environment } from '../lib/config.ts';
import { printable } from '../lib/printable.ts';
import { RELEASE } from '../lib/release.ts';
import type { ErrorAnswer } from './answers.ts';
import type { CommandContext } from './context.ts';

const EXIT_NO = 1;
const EXIT_CANNOT = 2;

type Register = (command: Command, context: CommandContext) => void;
/** What a command is for; and the import of its options, its action and everything that they need. */
type Listed = readonly [about: string, load: () => Promise<Register>];

/** What `--help` lists. A command is only imported when it is called, because most of them need half of the sources. */
const COMMANDS: Readonly<Record<string, Readonly<Record<string, Listed>>>> = {
  'Set up:': {
    demo: [
      'the whole job on a local stack of its own, with generated data: snapshot, stream, checks, report; exit code 1 when something does not add up',
      async () => (await import('./demo.ts')).registerDemo,
    ],
    stack: [
      'a local Postgres, Kafka, Connect with Debezium and schema registry as plain processes',
      async () => (await import('./stack.ts')).registerStack,
    ],
    config: [
      'list every setting: value, source, default and meaning; secrets are masked',
      async () => (await import('./config.ts')).registerConfig,
    ],
    doctor: [
      'check databases, roles, slot, Kafka, Connect and registry, before a deployment and at any time after it',
      async () => (await import('./doctor.ts')).registerDoctor,
    ],
    migrate: [
      'create or upgrade the schema history_cdc (ledger, offsets, quarantine), and touch nothing else',
      async () => (await import('./migrate.ts')).registerMigrate,
    ],
    connector: [
      'the Debezium connector in Kafka Connect: what it needs, plan, apply, status',
      async () => (await import('./connector.ts')).registerConnector,
    ],
  },
  'Run:': {
    project: [
      'project the topic into the canonical tables: the snapshot, then every change, until stopped',
      async () => (await import('./project.ts')).registerProject,
    ],
    snapshot: [
      'read the legacy table again while everything streams on: all of it, or some rows',
      async () => (await import('./snapshot.ts')).registerSnapshot,
    ],
  },
  'Look:': {
    status: [
      'one screen: is it good, how far behind is it, and the one thing to do next',
      async () => (await import('./status.ts')).registerStatus,
    ],
    explain: [
      'everything known about one row: events, look-ups then and now, twins, decision, what would be decided today',
      async () => (await import('./explain.ts')).registerExplain,
    ],
    actions: [
      'the append-only log of what people did: retried, waived, re-read, repaired, undid, accepted',
      async () => (await import('./actions.ts')).registerActions,
    ],
  },
  'Prove:': {
    census: [
      'predict the count of every decision from the legacy table; reads only, and needs no `migrate`',
      async () => (await import('./census.ts')).registerCensus,
    ],
    reconcile: [
      'compare legacy, ledger and canonical rows, both ways and by content; lists every id that is wrong',
      async () => (await import('./reconcile.ts')).registerReconcile,
    ],
  },
  'Put right:': {
    sweep: [
      'look once for live rows and memberships that came late, and put them right, as `project` does',
      async () => (await import('./sweep.ts')).registerSweep,
    ],
    quarantine: [
      'records that could not be decoded or mapped: see them, try them again, give them up',
      async () => (await import('./quarantine.ts')).registerQuarantine,
    ],
    replay: [
      'read the topic again and apply what is missing; a replay of what was projected changes nothing',
      async () => (await import('./replay.ts')).registerReplay,
    ],
    redecide: [
      'list the rows that would be decided otherwise today, and why; without --apply it changes nothing',
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
      'the way back: remove the canonical rows that we wrote; without --apply it changes nothing',
      async () => (await import('./undo.ts')).registerUndo,
    ],
    forget: [
      'erase a person from what we keep, and leave every count and decision; without --apply it changes nothing',
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

export interface Surroundings {
  readonly environment: Environment;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Takes the lines of the log; without it, pino writes them to the process's stderr. */
  readonly log?: (line: string) => void;
  /** Stdout is a terminal: a screen takes the place of the last one. */
  readonly redraws: boolean;
  /** Stderr is a terminal: progress is shown as a bar. */
  readonly drawsBars: boolean;
  /** Fires when the command is to stop. */
  readonly stopSignal: () => AbortSignal;
}

/** Runs `history-cdc` with these arguments, and gives its exit code. */
export async function runProgram(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const json = args.includes('--json');
  try {
    const program = await buildProgram(args, surroundings);
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    return await report(error, { json, stderr: surroundings.stderr });
  }
}

/** The program with all commands by name, and the one that the arguments call with everything that it has. */
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
      // With --json an error is one object, and not also this text.
      ...(args.includes('--json') && { outputError: () => undefined }),
    })
    .addHelpCommand(
      new Command('help').argument('[command]').description('the help of a command').helpGroup('Look:'),
    )
    .addHelpText('after', HELP)
    .showSuggestionAfterError()
    .exitOverride();
  const called = args.find((arg) => !arg.startsWith('-') && arg !== 'help');
  for (const [group, commands] of Object.entries(COMMANDS)) {
    program.commandsGroup(group);
    for (const [name, [about, load]] of Object.entries(commands)) {
      const command = program.command(name).description(about);
      if (name !== called) continue;
      const { createContext } = await import('./context.ts');
      (await load())(command, createContext(surroundings));
    }
  }
  return program;
}

/** Turns what a command threw into an exit code and, on stderr, a message that names the way out. */
async function report(
  error: unknown,
  { json, stderr }: Pick<Surroundings, 'stderr'> & { json: boolean },
): Promise<number> {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    // Commander has printed its message already, but not as JSON.
    if (json) stderr(errorLine({ code: 'USAGE', message: error.message, wayOut: '`history-cdc --help`' }));
    return EXIT_CANNOT;
  }
  const { AnswerNo } = await import('./context.ts');
  if (error instanceof AnswerNo) return EXIT_NO;
  const { namedError } = await import('../lib/named-error.ts');
  const named = namedError(error);
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  if (json) stderr(errorLine(named ?? { code: 'UNEXPECTED', message: stack, wayOut: REPORT_IT }));
  else if (named === undefined) stderr(printable(`error UNEXPECTED: ${stack}\n  way out: ${REPORT_IT}\n`));
  else stderr(printable(`error ${named.code}: ${named.message}\n  way out: ${named.wayOut}\n`));
  return EXIT_CANNOT;
}

const REPORT_IT = 'this is a fault in history-cdc: report it with this message, and run the command again';

/** One line, because the log may stand on stderr before it. */
function errorLine({ code, message, wayOut }: ErrorAnswer): string {
  return printable(`${JSON.stringify({ code, message, wayOut })}\n`);
}
