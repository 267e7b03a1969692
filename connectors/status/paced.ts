import { answerOf } from '../doctor/gather.ts';
import type { Answer } from '../doctor/areas.ts';

/** An answer, and when it was given. */
export interface Dated<T> {
  readonly answer: Answer<T>;
  readonly at: Date;
}

/** After a question that took a second nothing is asked for twenty: it costs a twentieth of a core, however large the tables are. */
const REST_FACTOR = 20;
/** Whoever looks may wait as long as this. */
const CHEAP_MS = 300;

/**
 * A question that costs too much to be asked at every look. The first look waits for its answer; later ones take the last
 * answer as it is, with its age; where it has rested for long enough it is asked anew, behind their back unless it is cheap.
 */
export class Paced<T> {
  readonly #ask: () => Promise<T>;
  readonly #restMs: number;
  #last: Dated<T> | undefined;
  #pending: Promise<Dated<T>> | undefined;
  #askAgainAt = 0;
  #tookMs = 0;

  constructor(ask: () => Promise<T>, restMs: number) {
    this.#ask = ask;
    this.#restMs = restMs;
  }

  async latest(): Promise<Dated<T>> {
    if (this.#pending === undefined && performance.now() >= this.#askAgainAt) this.#pending = this.#answer();
    // What failed is worth waiting for: it may have come back.
    const last = this.#last?.answer.known === true ? this.#last : undefined;
    if (last !== undefined && (this.#pending === undefined || this.#tookMs > CHEAP_MS)) return last;
    return (await this.#pending) ?? (await this.#answer());
  }

  async #answer(): Promise<Dated<T>> {
    const began = performance.now();
    const answer = await answerOf(this.#ask);
    this.#tookMs = performance.now() - began;
    this.#last = { answer, at: new Date() };
    this.#askAgainAt = answer.known
      ? performance.now() + Math.max(this.#restMs, REST_FACTOR * this.#tookMs)
      : 0;
    this.#pending = undefined;
    return this.#last;
  }
}
