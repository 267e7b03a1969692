import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { withFatalAsText } from './fatal-as-text.ts';
import { expectJsonAnswer } from './json-answer.ts';
import { until } from './until.ts';

const REPOSITORY = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..');

/** What a program says at its end. */
export interface Ended {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A line of the structured log on stderr. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string };

/** A command of ours as a user runs it: a process of its own, with these settings and no others in its environment. */
export class Command {
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  readonly #stdout: Buffer[] = [];
  readonly #stderr: Buffer[] = [];

  private constructor(child: ChildProcess, args: readonly string[]) {
    this.#child = child;
    child.stdout?.on('data', (chunk: Buffer) => this.#stdout.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => this.#stderr.push(chunk));
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        const ended = { code, signal, stdout: this.stdout, stderr: withFatalAsText(this.stderr) };
        try {
          expectJsonAnswer(args, ended);
          resolve(ended);
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      });
    });
    // Whoever awaits it hears of it.
    this.ended.catch(() => undefined);
  }

  /** `history-cdc` with these arguments. */
  static historyCdc(args: readonly string[], settings: Readonly<Record<string, string>>): Command {
    return Command.#spawn(['bin/history-cdc.mjs'], args, settings);
  }

  /** A script of this folder with these arguments. */
  static script(name: string, args: readonly string[], settings: Readonly<Record<string, string>>): Command {
    return Command.#spawn(['--import', 'tsx', `test/support/${name}`], args, settings);
  }

  static #spawn(
    program: readonly string[],
    args: readonly string[],
    settings: Readonly<Record<string, string>>,
  ): Command {
    const { PATH = '', HOME = '' } = process.env;
    return new Command(
      spawn(process.execPath, [...program, ...args], {
        cwd: REPOSITORY,
        env: { PATH, HOME, ...settings },
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
      args,
    );
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('the command was never started');
    return this.#child.pid;
  }

  get stdout(): string {
    return Buffer.concat(this.#stdout).toString('utf8');
  }

  get stderr(): string {
    return Buffer.concat(this.#stderr).toString('utf8');
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Sends a signal; false when the process has ended already. */
  signal(name: NodeJS.Signals): boolean {
    return this.#child.kill(name);
  }

  /** The lines of the structured log so far. */
  get log(): LogLine[] {
    return this.stderr
      .split('\n')
      .slice(0, -1)
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as LogLine);
  }

  /** The `nth` line of the log with this message, once it is there; throws when the command ends without it. */
  async logged(message: string, nth = 1): Promise<LogLine> {
    return await this.while(`the log line "${message}", number ${String(nth)}`, () => {
      return this.log.filter(({ msg }) => msg === message)[nth - 1];
    });
  }

  /** `until`, for what can only come about while the command runs. */
  async while<T>(
    what: string,
    ask: () => T | undefined | false | Promise<T | undefined | false>,
  ): Promise<T> {
    return await until(what, async () => {
      const ran = this.isRunning;
      const answer = await ask();
      if (!ran && (answer === undefined || answer === false)) {
        throw new Error(`the command ended before it came about: ${what}\n${this.stderr}`);
      }
      return answer;
    });
  }
}
