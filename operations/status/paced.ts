import { answerOf } from '../facts/gather.ts';
import type { Answer } from '../facts/areas.ts';

/** An answer, and when it was given. */
export interface Dated<T> {
  readonly answer: Answer<T>;
  readonly at: Date;
}

/** After a question that took a second nothing is asked for twenty: it costs a twentieth of a core, however large the tables are. */
const REST_FACTOR = 20;
/** No answer gets much older than that. */
const LONGEST_REST_MS = 60_000;
/** Whoever looks may wait as long as this. */
const CHEAP_MS = 300;

interface PacedOptions {
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
  readonly #ask: () => Promise<T>;
  readonly #options: PacedOptions;
  #last: Dated<T> | undefined;
  #pending: Promise<Dated<T>> | undefined;
  #askAgainAt = 0;
  #tookMs = 0;

  constructor(ask: () => Promise<T>, options: PacedOptions) {
    this.#ask = ask;
    this.#options = options;
  }

  #now(): number {
    return (this.#options.now ?? (() => performance.now()))();
  }

  async latest(): Promise<Dated<T>> {
    if (this.#pending === undefined && this.#now() >= this.#askAgainAt) this.#pending = this.#answer();
    // What failed is worth waiting for: it may have come back.
    const last = this.#last?.answer.known === true ? this.#last : undefined;
    if (last !== undefined && (this.#pending === undefined || this.#tookMs > CHEAP_MS)) return last;
    return (await this.#pending) ?? (await this.#answer());
  }

  async #answer(): Promise<Dated<T>> {
    const began = this.#now();
    const answer = await answerOf(this.#ask, this.#options.withinMs);
    this.#tookMs = this.#now() - began;
    this.#last = { answer, at: new Date() };
    const restMs = Math.max(
      this.#options.restMs,
      Math.min(this.#options.longestRestMs ?? LONGEST_REST_MS, REST_FACTOR * this.#tookMs),
    );
    this.#askAgainAt = answer.known ? this.#now() + restMs : 0;
    this.#pending = undefined;
    return this.#last;
  }
}
