import { setTimeout as delay } from 'node:timers/promises';
import { assertNotRetired } from '../../consumers/agent-test-history/schema/retired.ts';
import type { Config } from '../../lib/config.ts';
import { FatalError } from '../../lib/errors.ts';
import type { Pool } from '../../lib/postgres.ts';
import { answerOf, type Answer } from '../facts/answer.ts';
import { readKeptLook, type KeptLook } from '../soak/look-store.ts';
import { Lookout } from '../status/lookout.ts';
import { reportOf, type StatusReport } from '../status/report.ts';

/** What is known when a page is asked for. */
export type Seen =
  | {
      readonly kind: 'report';
      readonly report: StatusReport;
      /** What `soak` or `project` found when it last asked all conditions. */
      readonly soak: Answer<KeptLook | undefined>;
    }
  /** The first look is under way: a service takes its time to answer. */
  | { readonly kind: 'looking' }
  /** The legacy table was dropped on purpose, so there is no status any more. */
  | { readonly kind: 'retired'; readonly what: string };

const EVERY_MS = 3_000;
/** A visitor waits this long for the first look; then the page says that the look is under way. */
const FIRST_WITHIN_MS = 2_500;
/** Longer than a look takes while services give no answer. */
const OLD_MS = 30_000;

/**
 * The report of `status`, looked up once for all visitors: while somebody follows, every three seconds; otherwise when a
 * page asks. Without this, each open browser would ask all services by itself.
 */
export class Looks {
  readonly #config: Config;
  readonly #canonical: Pool;
  readonly #lookout: Lookout;
  #last: { readonly seen: Seen; readonly atMs: number } | undefined;
  #running: Promise<Seen> | undefined;

  constructor(config: Config, canonical: Pool) {
    this.#config = config;
    this.#canonical = canonical;
    this.#lookout = new Lookout(config);
  }

  /** The newest that is known. It is older than three seconds only while a service takes its time to answer. */
  async latest(): Promise<Seen> {
    const waited = new AbortController();
    const late = delay(FIRST_WITHIN_MS, this.#recent(), { signal: waited.signal });
    late.catch(() => undefined);
    try {
      return await Promise.race([this.#fresh(), late]);
    } finally {
      waited.abort();
    }
  }

  /** Each look, until the signal fires. */
  async *follow(stop: AbortSignal): AsyncGenerator<Seen> {
    while (!stop.aborted) {
      const seen = await this.#fresh();
      yield seen;
      await delay(EVERY_MS, undefined, { signal: stop }).catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    await this.#lookout.close();
  }

  /** An old look says nothing about now, so it is not shown. */
  #recent(): Seen {
    const last = this.#last;
    return last === undefined || Date.now() - last.atMs > OLD_MS ? { kind: 'looking' } : last.seen;
  }

  async #fresh(): Promise<Seen> {
    if (this.#last !== undefined && Date.now() - this.#last.atMs < EVERY_MS) return this.#last.seen;
    this.#running ??= this.#look().finally(() => (this.#running = undefined));
    return await this.#running;
  }

  async #look(): Promise<Seen> {
    const seen = (await this.#retired()) ?? (await this.#report());
    this.#last = { seen, atMs: Date.now() };
    return seen;
  }

  async #report(): Promise<Seen> {
    const [look, soak] = await Promise.all([
      this.#lookout.look(),
      answerOf(() => readKeptLook(this.#canonical)),
    ]);
    return { kind: 'report', report: reportOf(look, this.#config), soak };
  }

  async #retired(): Promise<Seen | undefined> {
    try {
      await assertNotRetired(this.#canonical);
    } catch (error) {
      if (error instanceof FatalError && error.code === 'TABLE_RETIRED')
        return { kind: 'retired', what: error.message };
      // A database that gives no answer is a finding of the look itself.
    }
    return undefined;
  }
}
