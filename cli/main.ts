import { Command, CommanderError } from 'commander';
import { messageOf } from '../lib/errors.ts';
import { namedError } from '../lib/named-error.ts';
import { printable } from '../lib/printable.ts';
import { registerActions } from './actions.ts';
import { registerCensus } from './census.ts';
import { registerConfig } from './config.ts';
import { registerConnector } from './connector.ts';
import { AnswerNo, createContext, type CommandContext } from './context.ts';
import { registerDemo } from './demo.ts';
import { registerDoctor } from './doctor.ts';
import { registerForget } from './forget.ts';
import { registerExplain } from './explain.ts';
import { registerMigrate } from './migrate.ts';
import { registerProject } from './project.ts';
import { registerReconcile } from './reconcile.ts';
import { registerRedecide } from './redecide.ts';
import { registerQuarantine } from './quarantine.ts';
import { registerReplay } from './replay.ts';
import { registerSnapshot } from './snapshot.ts';
import { registerStack } from './stack.ts';
import { registerStatus } from './status.ts';
import { registerSweep } from './sweep.ts';
import { registerUndo } from './undo.ts';

const EXIT_NO = 1;
const EXIT_CANNOT = 2;

function buildProgram(context: CommandContext): Command {
  const program = new Command('history-cdc')
    .description(
      'Ends the dual write of agent_test_history: streams it with Debezium and projects every owner run once.',
    )
    .configureHelp({ sortSubcommands: false })
    .showSuggestionAfterError()
    .exitOverride();
  registerActions(program, context);
  registerCensus(program, context);
  registerConfig(program, context);
  registerConnector(program, context);
  registerDemo(program, context);
  registerDoctor(program, context);
  registerExplain(program, context);
  registerForget(program, context);
  registerMigrate(program, context);
  registerProject(program, context);
  registerReconcile(program, context);
  registerRedecide(program, context);
  registerQuarantine(program, context);
  registerReplay(program, context);
  registerSnapshot(program, context);
  registerStack(program, context);
  registerStatus(program, context);
  registerSweep(program, context);
  registerUndo(program, context);
  return program;
}

/** Turns whatever a command threw into an exit code and a message that names the way out. */
function report(error: unknown): number {
  if (error instanceof AnswerNo) return EXIT_NO;
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_CANNOT;
  const fatal = namedError(error);
  if (fatal !== undefined) {
    process.stderr.write(printable(`error ${fatal.code}: ${fatal.message}\n  way out: ${fatal.wayOut}\n`));
    return EXIT_CANNOT;
  }
  process.stderr.write(
    printable(`error: ${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}\n`),
  );
  return EXIT_CANNOT;
}

// `history-cdc config | head`: whoever reads has read enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

try {
  await buildProgram(createContext(process.env)).parseAsync(process.argv);
} catch (error) {
  process.exitCode = report(error);
}
// A pipe takes 64 kB at once; an answer is not over before whoever reads it has all of it.
await Promise.all(
  [process.stdout, process.stderr].map((stream) => new Promise((resolve) => stream.write('', resolve))),
);
// The command is done. kafkajs can lose sight of a connection when a broker comes back, and that one would keep the
// process alive for good: a projector that has stopped, or that cannot go on, and does not end.
process.exit();
