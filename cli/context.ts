import { loadConfig, type Config, type ConfigWith, type Environment } from '../consumers/lib/config.ts';
import { localStackEnvironment } from '../stack/state.ts';

/** What every command gets from main.ts: the only way to the environment and to stdout. */
export interface CommandContext {
  readonly environment: Environment;
  /** Writes a line of the command's answer to stdout. */
  print(line: string): void;
  /** Writes a line about the work to stderr. */
  note(line: string): void;
  /** The configuration, with the local stack's addresses where one is up; all problems are thrown at once. */
  config<K extends keyof Config = never>(needs?: readonly K[]): ConfigWith<K>;
}

/** The command ran, and its answer is "no": exit code 1. What to know has been printed already. */
export class AnswerNo extends Error {
  override readonly name = 'AnswerNo';
}

export function createContext(environment: Environment): CommandContext {
  return {
    environment,
    print: (line) => void process.stdout.write(`${line}\n`),
    note: (line) => void process.stderr.write(`${line}\n`),
    config: (needs = []) => loadConfig(environment, localStackEnvironment(environment), needs),
  };
}
