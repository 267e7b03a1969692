import type { Client } from '../../lib/postgres.ts';
import { certain } from './postgres.ts';

/** How far a clock is ahead of this machine's, in seconds; negative where it is behind. */
export interface ClockFacts {
  readonly aheadSeconds: number;
  /** How far that may be off: half the time of the question, and the fineness of the answer. */
  readonly unsureSeconds: number;
}

/** The answer is compared with the middle of the time that the question took. */
export async function askClock(ask: () => Promise<Date>, finenessSeconds: number): Promise<ClockFacts> {
  const asked = Date.now();
  const answer = await ask();
  const answered = Date.now();
  // A clock that is cut off to whole seconds stands, on average, half a second back.
  const shown = answer.getTime() + finenessSeconds * 500;
  return {
    aheadSeconds: (shown - (asked + answered) / 2) / 1000,
    unsureSeconds: (answered - asked) / 2000 + finenessSeconds / 2,
  };
}

export async function postgresClock(client: Client): Promise<Date> {
  const { rows } = await client.query<{ now: Date }>('SELECT clock_timestamp() AS now');
  return certain(rows[0]).now;
}
