import { wantedFor } from '../checks/judge.ts';
import type { Config } from '../../lib/config.ts';
import type { Answer } from '../facts/answer.ts';
import { backlogIn } from '../facts/backlog.ts';
import type { Answers, FactName } from '../facts/facts.ts';
import { gather } from '../facts/gather.ts';
import { Paced, type PacedOptions } from '../facts/paced.ts';
import { Services } from '../facts/services.ts';
import { WATCHED } from './watched.ts';

/** What one look found out. */
export interface Look {
  readonly at: Date;
  readonly answers: Answers;
  /** Records that were projected per second since the look before; null at the first. */
  readonly recordsPerSecond: number | null;
}

/** Facts that cost too much to be asked at every look. */
const DEAR: Partial<Readonly<Record<FactName, PacedOptions>>> = {
  /** Who looks at the screen sees a new decision within half a minute, also on a machine that is slow to answer. */
  decisions: { restMs: 10_000, longestRestMs: 30_000 },
  legacyRows: { restMs: 10_000 },
  /** Measured over a second and a half: no look but the first waits for it. */
  walRate: { restMs: 0 },
  /** Grouped from the findings of the last run, mostly none. */
  verdicts: { restMs: 0, longestRestMs: 5_000 },
  snapshotProgress: { restMs: 0, longestRestMs: 5_000, withinMs: 25_000 },
};

/**
 * Looks at everything, again and again, over connections that stay open. It changes nothing. A service that gives no answer
 * leaves the others as they are, and is opened anew for the next look.
 */
export class Lookout {
  readonly #config: Config;
  readonly #wanted: ReadonlySet<FactName>;
  readonly #dear = new Map<FactName, Paced<unknown>>();
  #services: Services;
  #before: { readonly atMs: number; readonly projected: bigint } | undefined;

  constructor(config: Config, services?: Services) {
    this.#config = config;
    this.#wanted = new Set([...wantedFor(WATCHED, config), 'snapshotProgress', 'retirement']);
    this.#services = services ?? this.#open();
  }

  async look(): Promise<Look> {
    const instead = (name: FactName, ask: () => Promise<unknown>) => this.#pacedAnswer(name, ask);
    const opened = { services: this.#services, config: this.#config };
    const answers = await gather(opened, this.#wanted, { instead });
    const at = new Date();
    const look = { at, answers, recordsPerSecond: this.#pace(answers, at) };
    await this.#renewWhatFailed(answers);
    return look;
  }

  async close(): Promise<void> {
    await this.#services.close();
  }

  #open(): Services {
    return new Services({ ...this.#config, LOG_LEVEL: 'silent' }, { name: 'history-cdc status' });
  }

  #pacedAnswer(name: FactName, ask: () => Promise<unknown>): Promise<Answer<unknown>> | undefined {
    const options = DEAR[name];
    if (options === undefined) return undefined;
    const paced = this.#dear.get(name) ?? new Paced(ask, options);
    this.#dear.set(name, paced);
    return paced.latest(ask);
  }

  #pace(answers: Answers, at: Date): number | null {
    const backlog = backlogIn(answers);
    if (backlog === undefined) return null;
    const before = this.#before;
    const projected = [...backlog.partitions.values()].reduce((sum, { next }) => sum + next, 0n);
    this.#before = { atMs: at.getTime(), projected };
    if (before === undefined) return null;
    return (Number(projected - before.projected) * 1000) / Math.max(1, at.getTime() - before.atMs);
  }

  async #renewWhatFailed({ brokers, dataTopic, server, canonical, observed }: Answers): Promise<void> {
    if ([brokers, dataTopic, server, canonical, observed].every(({ known }) => known)) return;
    await this.#services.close();
    this.#services = this.#open();
  }
}
