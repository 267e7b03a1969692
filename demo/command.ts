import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { Environment } from '../lib/config.ts';
import { FatalError } from '../lib/errors.ts';

const PROGRAM = fileURLToPath(new URL('../bin/history-cdc.mjs', import.meta.url));
const LINES_OF_LOG = 12;

/**
 * Code that runs in the command before it begins. It stops the command when the demo has ended, also if the demo was
 * killed. Without it, a killed demo would leave a projector behind, because projectors wait for their servers for
 * hours.
 */
const LEASH = `data:text/javascript,${encodeURIComponent(
  "process.on('disconnect', () => process.kill(process.pid, 'SIGTERM')); process.channel.unref();",
)}`;

/** The part of the answer of `project --json` and `replay --json` that the demo reads. */
export const RUN_ANSWER = z.object({
  read: z.number(),
  changes: z.object({ total: z.number() }),
  stopped: z.enum(['caught_up', 'signal']),
});

export interface CommandOptions {
  readonly environment: Environment;
  /** Receives what the command writes to stderr. */
  readonly logFile: string;
  /** The exit codes with which the command may end. Default: 0 only. */
  readonly codes?: readonly number[];
}

/** One of our commands, as its own process, as a person would run it. */
export class Command {
  readonly #child: ChildProcess;
  /** The command's answer, parsed from JSON; undefined without `--json`. Rejects if the command ends with an exit code that is not allowed. */
  readonly answer: Promise<unknown>;

  constructor(args: readonly string[], { environment, logFile, codes = [0] }: CommandOptions) {
    const log = openSync(logFile, 'a', 0o600);
    this.#child = spawn(process.execPath, ['--import', LEASH, PROGRAM, ...args], {
      env: environment,
      stdio: ['ignore', 'pipe', log, 'ipc'],
      // The command has its own process group, so that Ctrl-C reaches only the demo, which then stops the command.
      detached: true,
    });
    closeSync(log);
    this.answer = this.#untilEnd(args, logFile, codes);
    // A caller that awaits the answer gets the error. Until then, it must not count as an unhandled rejection.
    this.answer.catch(() => undefined);
  }

  /** Asks the command to stop, and returns its answer. */
  async stop(): Promise<unknown> {
    this.#child.kill('SIGTERM');
    return await this.answer;
  }

  /** Sends a signal to the command, if it still runs. */
  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Kills the command if it still runs. */
  async end(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.answer.catch(() => undefined);
  }

  async #untilEnd(args: readonly string[], logFile: string, codes: readonly number[]): Promise<unknown> {
    let stdout = '';
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    const code = await new Promise<number | null>((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', resolve);
    });
    if (code !== null && codes.includes(code))
      return args.includes('--json') ? JSON.parse(stdout) : undefined;
    const log = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-LINES_OF_LOG).join('\n');
    throw new FatalError({
      code: 'DEMO_FAILED',
      message: `\`history-cdc ${args.join(' ')}\` ended with ${code === null ? 'a signal' : `exit code ${String(code)}`}; the end of its log:\n${log}`,
      wayOut: 'mend what the log names; with --keep the stack stays up, and the command can be run by hand',
    });
  }
}

/** Runs a command to its end. If the signal fires, it asks the command to stop, and throws the signal's reason. */
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
