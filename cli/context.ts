import { loadConfig, type Config, type ConfigWith, type Environment } from '../lib/config.ts';
import { printable } from '../lib/printable.ts';
import { localStackEnvironment } from '../stack/state.ts';
import type { Surroundings } from './program.ts';

/** What every command gets from main.ts: the only way to the environment and to stdout. It escapes what a terminal obeys. */
export interface CommandContext {
  readonly environment: Environment;
  readonly surroundings: Surroundings;
  /** Writes a line of the command's answer to stdout. */
  print(line: string): void;
  /** Empties the terminal's screen, so that the next answer takes the place of the last. */
  clear(): void;
  /** Writes a line about the work to stderr. */
  note(line: string): void;
  /** The configuration, with the local stack's addresses where one is up; all problems are thrown at once. */
  config<K extends keyof Config = never>(needs?: readonly K[]): ConfigWith<K>;
}

/** The command ran, and its answer is "no": exit code 1. What to know has been printed already. */
export class AnswerNo extends Error {
  override readonly name = 'AnswerNo';
}

const HOME_AND_CLEAR = '\u001b[H\u001b[2J\u001b[3J';

export function createContext(surroundings: Surroundings): CommandContext {
  const { environment, stdout, stderr } = surroundings;
  return {
    environment,
    surroundings,
    print: (line) => {
      stdout(`${printable(line)}\n`);
    },
    clear: () => {
      stdout(HOME_AND_CLEAR);
    },
    note: (line) => {
      stderr(`${printable(line)}\n`);
    },
    config: (needs = []) => loadConfig(environment, localStackEnvironment(environment), needs),
  };
}
