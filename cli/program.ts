import { Command, CommanderError } from 'commander';
import { messageOf } from '../consumers/lib/errors.ts';
import { namedError } from '../consumers/lib/named-error.ts';
import { printable } from '../consumers/lib/printable.ts';
import { registerActions } from './actions.ts';
import { registerCensus } from './census.ts';
import { registerConfig } from './config.ts';
import { registerConnector } from './connector.ts';
import { AnswerNo, type CommandContext } from './context.ts';
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

/** Runs `history-cdc` with these arguments, and gives its exit code. */
export async function runHistoryCdc(args: readonly string[], context: CommandContext): Promise<number> {
  try {
    await buildProgram(context).parseAsync([...args], { from: 'user' });
    return 0;
  } catch (error) {
    return report(error, context);
  }
}

function buildProgram(context: CommandContext): Command {
  const program = new Command('history-cdc')
    .description(
      'Ends the dual write of agent_test_history: streams it with Debezium and projects every owner run once.',
    )
    .configureHelp({ sortSubcommands: false })
    .showSuggestionAfterError()
    .configureOutput({ writeOut: context.output.write, writeErr: context.output.writeError })
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
function report(error: unknown, { output }: CommandContext): number {
  if (error instanceof AnswerNo) return EXIT_NO;
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_CANNOT;
  const fatal = namedError(error);
  const text =
    fatal !== undefined
      ? `error ${fatal.code}: ${fatal.message}\n  way out: ${fatal.wayOut}\n`
      : `error: ${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}\n`;
  output.writeError(printable(text));
  return EXIT_CANNOT;
}
