import { runProgram } from '../../cli/program.ts';
import { withFatalAsText } from './fatal-as-text.ts';
import { expectJsonAnswer } from './json-answer.ts';

export interface Answer {
  /** 0 good, 1 the answer is no, 2 it cannot go on. */
  readonly code: number;
  readonly stdout: string;
  /** With the lines of the log. */
  readonly stderr: string;
}

/** A command of `history-cdc` in this process, with these settings and no others: what it says, and its exit code. */
export async function runInProcess(
  args: readonly string[],
  settings: Readonly<Record<string, string | undefined>>,
): Promise<Answer> {
  const said = { stdout: '', stderr: '' };
  const stderr = (text: string) => void (said.stderr += text);
  const code = await runProgram(args, {
    // A stack that a developer has up in this checkout must not lend its addresses.
    environment: { HISTORY_CDC_STATE_DIR: '/nonexistent', ...settings },
    stdout: (text) => void (said.stdout += text),
    stderr,
    log: stderr,
    redraws: false,
    drawsBars: false,
    stopSignal: () => new AbortController().signal,
  });
  expectJsonAnswer(args, { code, ...said });
  return { code, stdout: said.stdout, stderr: withFatalAsText(said.stderr) };
}
