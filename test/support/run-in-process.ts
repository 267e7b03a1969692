import { createContext } from '../../cli/context.ts';
import { runHistoryCdc } from '../../cli/program.ts';

export interface Answer {
  /** As main.ts gives it: 0 good, 1 the answer is no, 2 it cannot go on. */
  readonly code: number;
  readonly stdout: string;
  /** With the lines of the log. */
  readonly stderr: string;
}

/** `history-cdc` in this process, with these settings and no others: what it says, and its exit code. */
export async function runInProcess(
  args: readonly string[],
  settings: Readonly<Record<string, string | undefined>>,
): Promise<Answer> {
  const said = { stdout: '', stderr: '' };
  const writeError = (text: string) => void (said.stderr += text);
  // A stack that a developer has up in this checkout must not lend its addresses.
  const environment = { HISTORY_CDC_STATE_DIR: '/nonexistent', ...settings };
  const output = {
    write: (text: string) => void (said.stdout += text),
    writeError,
    writeLog: writeError,
    redraws: false,
    drawsBars: false,
  };
  const context = createContext(environment, output, () => new AbortController().signal);
  const code = await runHistoryCdc(args, context);
  return { code, ...said };
}
