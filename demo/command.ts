import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { Environment } from '../lib/config.ts';
import { FatalError } from '../lib/errors.ts';

const PROGRAM = fileURLToPath(new URL('../bin/history-cdc.mjs', import.meta.url));
const LINES_OF_LOG = 12;

/**
 * Runs in the command before it begins: when the demo is gone, however it went, the command stops. A projector is
 * made to wait for its servers for hours, so without this a killed demo would leave one behind.
 */
const LEASH = `data:text/javascript,${encodeURIComponent(
  "process.on('disconnect', () => process.kill(process.pid, 'SIGTERM')); process.channel.unref();",
)}`;

/** What `project` and `replay` answer with --json, as far as the demo reads it. */
export const RUN_ANSWER = z.object({
  read: z.number(),
  changes: z.object({ total: z.number() }),
  stopped: z.enum(['caught_up', 'signal']),
});

export interface CommandOptions {
  readonly environment: Environment;
  /** Takes what the command writes to stderr. */
  readonly logFile: string;
  /** Exit codes with which the command may end; 0 unless it is given. */
  readonly codes?: readonly number[];
}

/** A command of ours as a process of its own, the way a person would run it. */
export class Command {
  readonly #child: ChildProcess;
  /** Its answer, of JSON; rejects if the command ends with an exit code that it must not end with. */
  readonly answer: Promise<unknown>;

  constructor(args: readonly string[], { environment, logFile, codes = [0] }: CommandOptions) {
    const log = openSync(logFile, 'a', 0o600);
    this.#child = spawn(process.execPath, ['--import', LEASH, PROGRAM, ...args], {
      env: environment,
      stdio: ['ignore', 'pipe', log, 'ipc'],
      // A group of its own: Ctrl-C goes to the demo, which stops the command in its turn.
      detached: true,
    });
    closeSync(log);
    this.answer = this.#untilEnd(args.join(' '), logFile, codes);
    // Whoever waits for the answer hears of it; until then nobody must crash for it.
    this.answer.catch(() => undefined);
  }

  /** Asks it to stop, and gives its answer. */
  async stop(): Promise<unknown> {
    this.#child.kill('SIGTERM');
    return await this.answer;
  }

  /** Ends it without asking, where it still runs. */
  async end(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.answer.catch(() => undefined);
  }

  async #untilEnd(name: string, logFile: string, codes: readonly number[]): Promise<unknown> {
    let stdout = '';
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    const code = await new Promise<number | null>((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', resolve);
    });
    if (code !== null && codes.includes(code)) return JSON.parse(stdout);
    const log = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-LINES_OF_LOG).join('\n');
    throw new FatalError({
      code: 'DEMO_FAILED',
      message: `\`history-cdc ${name}\` ended with ${code === null ? 'a signal' : `exit code ${String(code)}`}; the end of its log:\n${log}`,
      wayOut: 'mend what the log names; with --keep the stack stays up, and the command can be run by hand',
    });
  }
}

/** Runs a command to its end; when the signal fires it is asked to stop, and the signal's reason is thrown. */
export async function runCommand(
  args: readonly string[],
  { signal, ...options }: CommandOptions & { readonly signal: AbortSignal },
): Promise<unknown> {
  const command = new Command(args, options);
  const stop = () => {
    command.stop().catch(() => undefined);
  };
  signal.addEventListener('abort', stop);
  try {
    return await command.answer;
  } finally {
    signal.removeEventListener('abort', stop);
    signal.throwIfAborted();
  }
}
