import { loadConfig, type Config, type ConfigWith, type Environment } from '../lib/config.ts';
import { printable } from '../lib/printable.ts';
import { drawScreen, type Screen } from '../lib/screen.ts';
import { FatalError } from '../lib/errors.ts';
import { defaultInstanceName, listStacks, localStackEnvironment } from '../stack/state.ts';
import type { AnswerFacts, AnswerName } from './answers.ts';
import type { Surroundings } from './program.ts';

/** What a command answers: the facts for programs, by the schema of the answer; the text for people. */
interface Answer<N extends AnswerName> {
  /** `line` prints the JSON on one line, for a command that answers again and again. */
  readonly json: boolean | 'line' | undefined;
  readonly facts: AnswerFacts<N>;
  readonly text: () => Screen;
}

/** An answer with a list that may be too long for memory: each item is written when it has been read. */
interface LongAnswer<N extends AnswerName, L extends keyof AnswerFacts<N>, T> {
  readonly json: boolean | undefined;
  readonly facts: Omit<AnswerFacts<N>, L>;
  readonly list: L & string;
  readonly items: AsyncIterable<T>;
  readonly fact: (item: T) => Items<AnswerFacts<N>[L]>;
  readonly text: { readonly before: Screen; readonly line: (item: T) => string; readonly after: Screen };
}

type Items<L> = L extends readonly (infer E)[] ? E : never;

/**
 * What every command gets: the only way to the environment and to stdout. Everything it writes is escaped. Without that, a
 * value of a row could send control sequences to the terminal.
 */
export interface CommandContext {
  readonly environment: Environment;
  readonly surroundings: Surroundings;
  /** Writes a line of the command's answer to stdout. */
  readonly print: (line: string) => void;
  /** Writes text for people to stdout, laid out for the terminal. */
  readonly show: (screen: Screen) => void;
  /** Writes the answer to stdout, as JSON or as text. */
  readonly answer: <N extends AnswerName>(name: N, answer: Answer<N>) => void;
  readonly longAnswer: <N extends AnswerName, L extends keyof AnswerFacts<N>, T>(
    name: N,
    answer: LongAnswer<N, L, T>,
  ) => Promise<void>;
  /** Writes a line about the work to stderr. */
  readonly note: (line: string) => void;
  /** Reads the configuration, with the addresses of a running local stack as defaults. One error names all problems. */
  config<K extends keyof Config = never>(needs?: readonly K[]): ConfigWith<K>;
}

/** Ends a command with exit code 1: it ran, and its answer is "no". The command has printed the answer already. */
export class AnswerNo extends Error {
  override readonly name = 'AnswerNo';
}

export function createContext(surroundings: Surroundings): CommandContext {
  const { environment, stdout, stderr } = surroundings;
  const print = (line: string) => {
    stdout(`${printable(line)}\n`);
  };
  const show = (screen: Screen) => {
    const { size, colours } = surroundings;
    stdout(`${drawScreen(screen, { columns: size?.()?.columns, colours })}\n`);
  };
  return {
    environment,
    surroundings,
    print,
    show,
    answer: (_, { json, facts, text }) => {
      if (json) print(JSON.stringify(facts, bigintAsText, json === 'line' ? 0 : 2));
      else show(text());
    },
    longAnswer: (_, answer) =>
      answer.json === true ? printLongJson(print, answer) : printLines({ print, show }, answer),
    note: (line) => {
      stderr(`${printable(line)}\n`);
    },
    config: (needs = []) => configOf(environment, needs),
  };
}

/** Where settings are missing and no stack lends them, the error says which stacks could. */
function configOf<K extends keyof Config = never>(
  environment: Environment,
  needs: readonly K[],
): ConfigWith<K> {
  const stack = localStackEnvironment(environment);
  try {
    return loadConfig(environment, stack, needs);
  } catch (error) {
    if (stack !== undefined || !(error instanceof FatalError)) throw error;
    const stacks = listStacks(environment);
    const chosen = defaultInstanceName(environment);
    const ways = stacks.flatMap(({ name, running }) =>
      running.length > 0
        ? `\`export HISTORY_CDC_STACK=${name}\` takes the addresses from the stack ${name}, which is up`
        : name === chosen
          ? `the stack ${name} is down: \`history-cdc stack up\` starts it`
          : [],
    );
    if (ways.length === 0) throw error;
    const { code, message, wayOut } = error;
    throw new FatalError({ code, message, cause: error, wayOut: [...ways, wayOut].join('; ') });
  }
}

type Print = CommandContext['print'];

async function printLines<N extends AnswerName, L extends keyof AnswerFacts<N>, T>(
  { print, show }: Pick<CommandContext, 'print' | 'show'>,
  { items, text: { before, line, after } }: LongAnswer<N, L, T>,
): Promise<void> {
  show(before);
  for await (const item of items) print(line(item));
  show(after);
}

async function printLongJson<N extends AnswerName, L extends keyof AnswerFacts<N>, T>(
  print: Print,
  { facts, list, items, fact }: LongAnswer<N, L, T>,
): Promise<void> {
  print(`${JSON.stringify(facts, bigintAsText, 2).replace(/\n\}$/, '')},\n  "${list}": [`);
  let waiting: string | undefined;
  for await (const item of items) {
    if (waiting !== undefined) print(`${waiting},`);
    waiting = `    ${JSON.stringify(fact(item), bigintAsText)}`;
  }
  print(`${waiting === undefined ? '' : `${waiting}\n`}  ]\n}`);
}

/** JSON has no 64-bit integers, so those of Avro are written as text. */
function bigintAsText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
