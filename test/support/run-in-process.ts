import { Command as Program, CommanderError } from 'commander';
import { AnswerNo, createContext, type CommandContext } from '../../cli/context.ts';
import { namedError } from '../../lib/named-error.ts';

export interface Answer {
  /** As main.ts gives it: 0 good, 1 the answer is no, 2 it cannot go on. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command of `history-cdc` in this process, with these settings and no others: what it says, and its exit code. */
export async function runInProcess(
  register: readonly ((program: Program, context: CommandContext) => void)[],
  args: readonly string[],
  settings: Readonly<Record<string, string | undefined>>,
): Promise<Answer> {
  const said = { stdout: '', stderr: '' };
  const context: CommandContext = {
    // A stack that a developer has up in this checkout must not lend its addresses.
    ...createContext({ HISTORY_CDC_STATE_DIR: '/nonexistent', ...settings }),
    print: (line) => void (said.stdout += `${line}\n`),
    note: (line) => void (said.stderr += `${line}\n`),
  };
  const program = new Program().exitOverride();
  for (const each of register) each(program, context);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return { code: 0, ...said };
  } catch (error) {
    if (error instanceof AnswerNo) return { code: 1, ...said };
    if (error instanceof CommanderError) throw error;
    const fatal = namedError(error);
    const text =
      fatal !== undefined
        ? `error ${fatal.code}: ${fatal.message}\n  way out: ${fatal.wayOut}\n`
        : `error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`;
    return { code: 2, stdout: said.stdout, stderr: said.stderr + text };
  }
}
