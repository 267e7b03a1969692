import { performance } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import type { Pool } from '../lib/postgres.ts';
import { LEGACY_ROWS } from './dataset.ts';

export interface Writing {
  readonly pool: Pool;
  readonly rowsPerSecond: number;
  readonly seconds: number;
  /** Number of the first row; the rows behind it are used up one by one. */
  readonly first: number;
  readonly signal: AbortSignal;
}

export interface Written {
  /** Numbers of the rows, both inclusive. */
  readonly first: number;
  readonly last: number;
  /** The reached pace. It is below the wanted pace if the database could not keep up. */
  readonly rowsPerSecond: number;
  /** Milliseconds from the sending of each row's INSERT to the answer to its commit. */
  readonly answeredMs: readonly number[];
}

const TICK_MS = 2;
/** The largest number of rows without an answer. If the database cannot keep up, the writer slows down, too. */
const UNANSWERED = 64;

/**
 * Writes legacy rows as the application does: each in a transaction of its own, at its time, whether or not the ones
 * before have been answered. Which connection takes it is the pool's business: it must have enough of them.
 */
export async function write({ pool, rowsPerSecond, seconds, first, signal }: Writing): Promise<Written> {
  const total = Math.round(rowsPerSecond * seconds);
  const answeredMs: number[] = [];
  const answers: Promise<unknown>[] = [];
  const begin = performance.now();
  const elapsed = () => (performance.now() - begin) / 1000;
  while (answers.length < total) {
    const due = Math.min(total, Math.floor(elapsed() * rowsPerSecond) + 1, answeredMs.length + UNANSWERED);
    while (answers.length < due) {
      const answer = writeOne(pool, first + answers.length).then((ms) => answeredMs.push(ms));
      // The caller that awaits all of them gets the error.
      answer.catch(() => undefined);
      answers.push(answer);
    }
    await setTimeout(TICK_MS, undefined, { signal });
  }
  const reached = total / Math.max(seconds, elapsed());
  await Promise.all(answers);
  return { first, last: first + total - 1, rowsPerSecond: reached, answeredMs };
}

async function writeOne(pool: Pool, n: number): Promise<number> {
  const start = performance.now();
  await pool.query({ name: 'bench-row', text: LEGACY_ROWS, values: [n, n, new Date(), '0 s'] });
  return performance.now() - start;
}
