import { loadConfig, type Config, type ConfigWith, type Environment } from '../lib/config.ts';
import { printable } from '../lib/printable.ts';
import { localStackEnvironment } from '../stack/state.ts';
import type { AnswerFacts, AnswerName } from './answers.ts';
import type { Surroundings } from './program.ts';

/** What a command answers: for programs by the schema of the answer, for people as text. */
interface Answer<N extends AnswerName> {
  readonly json: boolean | undefined;
  readonly facts: AnswerFacts<N>;
  readonly text: () => string;
}

/**
 * What every command gets: the only way to the environment and to stdout. What it writes is escaped, so that no value of a
 * row can command a terminal.
 */
export interface CommandContext {
  readonly environment: Environment;
  readonly surroundings: Surroundings;
  /** Writes a line of the command's answer to stdout. */
  readonly print: (line: string) => void;
  /** Writes the answer to stdout, as JSON or as text. */
  readonly answer: <N extends AnswerName>(name: N, answer: Answer<N>) => void;
  /** Empties the terminal's screen, so that the next answer takes the place of the last. */
  readonly clear: () => void;
  /** Writes a line about the work to stderr. */
  readonly note: (line: string) => void;
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
  const print = (line: string) => {
    stdout(`${printable(line)}\n`);
  };
  return {
    environment,
    surroundings,
    print,
    answer: (_, { json, facts, text }) => {
      print(json === true ? JSON.stringify(facts, bigintAsText, 2) : text());
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

/** Avro's 64-bit numbers. */
function bigintAsText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
