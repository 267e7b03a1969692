import { setTimeout } from 'node:timers/promises';
import { inDryRun, inTransaction, type Client, type Pool } from '../lib/postgres.ts';
import { demoSql, writeLegacyRows, writeLiveRows, type PlannedRun } from './generate.ts';
import { untilDone } from './wait.ts';

/** The longest time, in milliseconds, between an application's two writes. The shortest is 0. */
const LONGEST_BETWEEN_MS = 40;
const NOTE_LATE = demoSql('note-late');

type Path = PlannedRun['path'];

/**
 * Writes runs as the pods of the cutover window do: the live row in a transaction of its own, a moment later the legacy
 * row in another, on whatever connections are free; so the writes of several calls interleave. Late runs are not among
 * them: see `writeLate`.
 */
export async function writeRuns(pool: Pool, runs: readonly PlannedRun[]): Promise<void> {
  const live = numbersOf(runs, ['both', 'new pod', 'failed legacy write']);
  if (live.length > 0) await inTransaction(pool, (client) => writeLiveRows(client, live));
  // Like the application, this only continues: the application logs a warning.
  const failing = numbersOf(runs, ['failed live write']);
  if (failing.length > 0) await inDryRun(pool, (client) => writeLiveRows(client, failing));
  await setTimeout(((runs[0]?.n ?? 0) * 7) % LONGEST_BETWEEN_MS);
  const legacy = numbersOf(runs, ['both', 'legacy', 'old pod', 'failed live write']);
  if (legacy.length > 0) await inTransaction(pool, (client) => writeLegacyRows(client, legacy));
}

/**
 * Writes the late ones among the runs: their live transaction stays open, invisible to everybody, until the projector
 * has written rows of its own for them. What it wrote is noted in the same transaction: proof that the live rows
 * came too late.
 */
export async function writeLate(pool: Pool, runs: readonly PlannedRun[], signal: AbortSignal): Promise<void> {
  const late = numbersOf(runs, ['late']);
  if (late.length === 0) return;
  await inTransaction(pool, async (live) => {
    await writeLiveRows(live, late);
    await inTransaction(pool, (client) => writeLegacyRows(client, late));
    const measure = async () => ({ done: await noteProjected(live, late), total: late.length });
    await untilDone({ what: 'runs whose live row comes late, projected', signal, measure });
  });
}

async function noteProjected(client: Client, runs: readonly number[]): Promise<number> {
  const { rows } = await client.query<{ done: number }>(NOTE_LATE, [runs]);
  return rows[0]?.done ?? 0;
}

function numbersOf(runs: readonly PlannedRun[], paths: readonly Path[]): number[] {
  return runs.filter(({ path }) => paths.includes(path)).map(({ n }) => n);
}

/** Runs pieces of work at the same time, up to a limit. */
export class Crew {
  readonly #most: number;
  readonly #busy = new Set<Promise<void>>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Returns when the work has begun. Rejects if an earlier piece has failed. */
  async begin(work: () => Promise<void>): Promise<void> {
    while (this.#busy.size >= this.#most) await Promise.race(this.#busy);
    const piece = work();
    this.#busy.add(piece);
    // A failed piece stays in the set, so that the next call rejects with its error.
    piece.then(
      () => this.#busy.delete(piece),
      () => undefined,
    );
  }

  async finish(): Promise<void> {
    await Promise.all(this.#busy);
  }

  /** Waits until all pieces have ended, whether they succeed or fail. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.#busy);
  }
}
