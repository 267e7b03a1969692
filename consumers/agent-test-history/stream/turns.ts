import { PartitionSession } from './partition-session.ts';
import type { Chunk } from './queued-events.ts';

/**
 * Up to so many rows of several partitions share a transaction. At 1,000 rows/s in four partitions a row was visible after
 * 90 ms (p50), with at most 100 rows after 360.
 */
const SHARED_ROWS = 1_000;
/** Ten times what a shared transaction takes: one that waits for somebody's lock holds the others up no longer. */
const ALONE_MS = 200;

/** A session that waits for its turn. */
interface Waiting {
  readonly session: PartitionSession;
  /** What a transaction with others did not commit. */
  readonly tried?: Chunk;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface Part extends Waiting {
  readonly chunk: Chunk;
}

/**
 * Says when a session has its transaction: there are no more than `atOnce` at a time, each on a Postgres connection of
 * its own. What a session commits is taken when its turn comes, so that records gather while it waits. Sessions that
 * have a few rows each share a transaction, and while one of those runs no other begins: at the end of the stream, most
 * of what a transaction costs is the same however little is in it.
 */
export class Turns {
  readonly #atOnce: number;
  #waiting: Waiting[] = [];
  #running = 0;
  #soon: NodeJS.Immediate | undefined;
  /** Runs while a transaction of few rows has begun, and shall be the only such. */
  #alone: NodeJS.Timeout | undefined;

  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  /** Resolves when a chunk of the session is committed, or it has none any more; rejects with what stopped it. */
  async next(session: PartitionSession): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ session, resolve, reject });
      this.#startSoon();
    });
  }

  /** Not at once: of one fetch, or behind one transaction, sessions come to wait one after the other. */
  #startSoon(): void {
    if (this.#soon !== undefined) return;
    this.#soon = setImmediate(() => {
      this.#soon = undefined;
      this.#start();
    });
  }

  #start(): void {
    while (this.#running < this.#atOnce && this.#waiting.length > 0) {
      if (this.#alone !== undefined && this.#waiting.every(hasFew)) return;
      const parts = this.#takeParts();
      if (parts.length === 0) continue;
      this.#running++;
      if (rowsOf(parts) <= SHARED_ROWS) this.#beAlone();
      void this.#run(parts).finally(() => {
        this.#running--;
        this.#endAlone();
        this.#startSoon();
      });
    }
  }

  #beAlone(): void {
    this.#endAlone();
    this.#alone = setTimeout(() => {
      this.#endAlone();
      this.#start();
    }, ALONE_MS);
  }

  #endAlone(): void {
    clearTimeout(this.#alone);
    this.#alone = undefined;
  }

  /** Who waits longest, and those behind it that fit into the same transaction. */
  #takeParts(): Part[] {
    const [first, ...others] = this.#waiting;
    this.#waiting = others;
    const parts = first === undefined ? [] : partOf(first);
    if (parts[0] === undefined || !mayShare(parts[0])) return parts;
    for (const waiting of others) {
      if (!mayShare(waiting) || rowsOf(parts) + waiting.session.waiting > SHARED_ROWS) continue;
      this.#waiting = this.#waiting.filter((other) => other !== waiting);
      parts.push(...partOf(waiting));
    }
    return parts;
  }

  async #run(parts: readonly Part[]): Promise<void> {
    const [only, ...others] = parts;
    if (only === undefined) return;
    if (others.length === 0) {
      await only.session
        .project(only.chunk, { tried: only.tried !== undefined })
        .then(only.resolve, only.reject);
    } else if (await PartitionSession.projectTogether(parts)) {
      for (const { resolve } of parts) resolve();
    } else {
      // Each alone now: it meets what it is that stops it, or nothing.
      this.#waiting.unshift(...parts.map(({ chunk, ...waiting }) => ({ ...waiting, tried: chunk })));
    }
  }
}

function mayShare({ session, tried }: Waiting): boolean {
  return tried === undefined && session.commits && !session.isSlowed;
}

function hasFew({ session, tried }: Waiting): boolean {
  return (tried?.events.length ?? session.waiting) <= SHARED_ROWS;
}

function rowsOf(parts: readonly Part[]): number {
  return parts.reduce((sum, { chunk }) => sum + chunk.events.length, 0);
}

function partOf(waiting: Waiting): Part[] {
  const chunk = waiting.tried ?? waiting.session.take();
  if (chunk !== undefined) return [{ ...waiting, chunk }];
  waiting.resolve();
  return [];
}
