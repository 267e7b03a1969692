import { answerOf, type Answer } from './answer.ts';

/** After a question that took a second nothing is asked for twenty: it costs a twentieth of a core, however large the tables are. */
const REST_FACTOR = 20;
/** No answer gets much older than that. */
const LONGEST_REST_MS = 60_000;
/** Whoever looks may wait as long as this. */
const CHEAP_MS = 300;

export interface PacedOptions {
  /** Between two questions at least. */
  readonly restMs: number;
  /** However dear it was: the first question has a connection to make, too. A minute unless told. */
  readonly longestRestMs?: number;
  /** Longer than most are given. */
  readonly withinMs?: number;
  /** A clock that is never set back, in milliseconds. */
  readonly now?: () => number;
}

/**
 * A question that costs too much to be asked at every look. The first look waits for its answer; later ones take the last
 * answer as it is, with its age; where it has rested for long enough it is asked anew, behind their back unless it is cheap.
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

  /** `ask`: the question over the connections of this look. */
  async latest(ask = this.#ask): Promise<Answer<T>> {
    this.#ask = ask;
    if (this.#pending === undefined && this.#now() >= this.#askAgainAt) this.#pending = this.#answer();
    // What failed is worth waiting for: it may have come back.
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
