import { answerOf, type Answer } from './answer.ts';

/**
 * The rest after a question is this many times as long as the question took, so that asking takes at most 5 % of a
 * core.
 */
const REST_FACTOR = 20;
/** The default limit of the rest, so that an answer does not get much older than this. */
const LONGEST_REST_MS = 60_000;
/** A look waits for a new answer if the last answer took at most this long. Otherwise it gets the old answer. */
const CHEAP_MS = 300;

export interface PacedOptions {
  /** The shortest rest between two questions. */
  readonly restMs: number;
  /** The longest rest, also after a slow question: the first one has to open a connection. Default: one minute. */
  readonly longestRestMs?: number;
  /** The time limit of the question, if the usual limit is too short for it. */
  readonly withinMs?: number;
  /** A clock in milliseconds that only moves forward. */
  readonly now?: () => number;
}

/**
 * A question that costs too much to be asked at every look. The first look waits for its answer. Later looks take the
 * last answer, with its age. After the rest the question is asked again: a look waits for a cheap question, and does
 * not wait for an expensive one.
 */
export class Paced<T> {
  #ask: () => Promise<T>;
  readonly #options: PacedOptions;
  #last: Answer<T> | undefined;
  #pending: Promise<Answer<T>> | undefined;
  #askAgainAt = 0;
  #tookMs = 0;

  constructor(ask: () => Promise<T>, options: PacedOptions) {
    this.#ask = ask;
    this.#options = options;
  }

  #now(): number {
    return (this.#options.now ?? (() => performance.now()))();
  }

  /** Returns the last answer, or a new one. `ask` is the question, on the connections of this look. */
  async latest(ask = this.#ask): Promise<Answer<T>> {
    this.#ask = ask;
    if (this.#pending === undefined && this.#now() >= this.#askAgainAt) this.#pending = this.#answer();
    // If the last question failed, the look waits for the next one, because the service may answer again.
    const last = this.#last?.known === true ? this.#last : undefined;
    if (last !== undefined && (this.#pending === undefined || this.#tookMs > CHEAP_MS)) return last;
    return (await this.#pending) ?? (await this.#answer());
  }

  async #answer(): Promise<Answer<T>> {
    const began = this.#now();
    const answer = await answerOf(this.#ask, this.#options.withinMs);
    this.#tookMs = this.#now() - began;
    this.#last = answer.known ? { ...answer, at: new Date() } : answer;
    const restMs = Math.max(
      this.#options.restMs,
      Math.min(this.#options.longestRestMs ?? LONGEST_REST_MS, REST_FACTOR * this.#tookMs),
    );
    this.#askAgainAt = answer.known ? this.#now() + restMs : 0;
    this.#pending = undefined;
    return this.#last;
  }
}
