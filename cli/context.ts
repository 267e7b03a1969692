import { loadConfig, type Config, type ConfigWith, type Environment } from '../consumers/lib/config.ts';
import { createLogger, type Logger, type LogLevel } from '../consumers/lib/log.ts';
import { printable } from '../consumers/lib/printable.ts';
import { localStackEnvironment } from '../stack/state.ts';
import { createProgress, type Progress } from './progress.ts';
import { stopOnSignal } from './stop-signal.ts';

/** Where a command writes: the streams of the process, or what a test collects. */
export interface Output {
  write(text: string): void;
  writeError(text: string): void;
  /** Takes the lines of the log; without it, pino writes them to the process's stderr. */
  readonly writeLog?: (line: string) => void;
  /** Stdout is a terminal: a screen takes the place of the last one. */
  readonly redraws: boolean;
  /** Stderr is a terminal: progress is shown as a bar. */
  readonly drawsBars: boolean;
}

/** What every command gets from main.ts: the only way to the environment and to stdout. It escapes what a terminal obeys. */
export interface CommandContext {
  readonly environment: Environment;
  readonly output: Output;
  /** Writes a line of the command's answer to stdout. */
  print(line: string): void;
  /** Empties the terminal's screen, so that the next answer takes the place of the last. */
  clear(): void;
  /** Writes a line about the work to stderr. */
  note(line: string): void;
  /** Structured lines on stderr. */
  logger(level: LogLevel): Logger;
  progress(what: string): Progress;
  /** Fires when the command is to stop. */
  stopSignal(): AbortSignal;
  /** The configuration, with the local stack's addresses where one is up; all problems are thrown at once. */
  config<K extends keyof Config = never>(needs?: readonly K[]): ConfigWith<K>;
}

/** The command ran, and its answer is "no": exit code 1. What to know has been printed already. */
export class AnswerNo extends Error {
  override readonly name = 'AnswerNo';
}

const HOME_AND_CLEAR = '\u001b[H\u001b[2J\u001b[3J';

export function createContext(
  environment: Environment,
  output: Output,
  stopSignal: () => AbortSignal = stopOnSignal,
): CommandContext {
  const { write, writeError } = output;
  return {
    environment,
    output,
    print: (line) => {
      write(`${printable(line)}\n`);
    },
    clear: () => {
      write(HOME_AND_CLEAR);
    },
    note: (line) => {
      writeError(`${printable(line)}\n`);
    },
    logger: (level) => createLogger(level, output.writeLog),
    progress: (what) => createProgress(what, output),
    stopSignal,
    config: (needs = []) => loadConfig(environment, localStackEnvironment(environment), needs),
  };
}
