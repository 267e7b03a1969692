import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../lib/config.ts';

export const THIS_CHECKOUT = fileURLToPath(new URL('..', import.meta.url));

interface Invocation {
  /** The checkout whose command runs. */
  readonly folder: string;
  readonly settings: Environment;
  /** Kills the command. */
  readonly signal: AbortSignal;
}

/** The command of a checkout as a user runs it, in a process of its own. */
export class HistoryCdc {
  /** The command's output. Rejects if the command failed, with the end of its stderr. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;

  constructor(args: readonly string[], { folder, settings, signal }: Invocation) {
    const command = [path.join(folder, 'bin', 'history-cdc.mjs'), ...args];
    const child = spawn(process.execPath, command, {
      cwd: folder,
      env: settings,
      signal,
      killSignal: 'SIGKILL',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, endedBy) => {
        if (code === 0) resolve(stdout);
        else
          reject(
            new Error(`${args.join(' ')} ended with ${String(code ?? endedBy)}:\n${stderr.slice(-2000)}`),
          );
      });
    });
    // A caller that awaits the output gets the error.
    this.ended.catch(() => undefined);
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('the command was never started');
    return this.#child.pid;
  }

  /** Asks the command to stop, and waits for its end. */
  async stop(): Promise<string> {
    this.#child.kill('SIGTERM');
    return await this.ended;
  }
}

/** Runs a command to its end, and returns its output. */
export async function runHistoryCdc(args: readonly string[], invocation: Invocation): Promise<string> {
  return await new HistoryCdc(args, invocation).ended;
}
