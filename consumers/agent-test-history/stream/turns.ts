import type { Commit, Part } from './commit.ts';
import type { PartitionSession } from './partition-session.ts';

/**
 * At most this many rows of several partitions share a transaction. Measured with 1,000 rows/s in four partitions: a
 * row was visible after 90 ms (p50). With a limit of 100 rows, it was visible after 360 ms.
 */
const SHARED_ROWS = 1_000;
/**
 * A shared transaction usually takes 20 ms. After this time we assume that it waits for a lock, and let the other
 * partitions start.
 */
const ALONE_MS = 200;

/** A session that waits for its turn. */
interface Waiting {
  readonly session: PartitionSession;
  /** The chunk that a shared transaction did not commit. */
  readonly again?: Part;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface Taken extends Waiting {
  readonly part: Part;
}

/**
 * Decides when a session has its turn. At most `atOnce` transactions run at a time, each on a connection of its own. A
 * session's records are taken when its turn comes, so they gather while it waits. Sessions with few rows share a
 * transaction, and while a shared transaction runs, no other begins. Without sharing, rows at the end of the stream
 * would wait longer, because a small transaction costs nearly as much as a large one.
 */
export class Turns {
  readonly #atOnce: number;
  readonly #commit: Commit;
  #waiting: Waiting[] = [];
  #running = 0;
  #soon: NodeJS.Immediate | undefined;
  /** Set while a shared transaction runs, during which no other one starts. */
  #alone: NodeJS.Timeout | undefined;

  constructor(atOnce: number, commit: Commit) {
    this.#atOnce = atOnce;
    this.#commit = commit;
  }

  /** Resolves when a chunk of the session is committed, or it has none left. Rejects with the error that stopped it. */
  async next(session: PartitionSession): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ session, resolve, reject });
      this.#startSoon();
    });
  }

  /**
   * Starts transactions a moment later, because sessions that wait for the same event begin to wait one after another.
   */
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
      const taken = this.#take();
      if (taken.length === 0) continue;
      this.#running++;
      if (rowsOf(taken) <= SHARED_ROWS) this.#beAlone();
      void this.#run(taken).finally(() => {
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

  /** The session that has waited longest, and those after it that fit into the same transaction. */
  #take(): Taken[] {
    const [first, ...others] = this.#waiting;
    this.#waiting = others;
    const taken = first === undefined ? [] : partOf(first);
    if (taken[0] === undefined || !mayShare(taken[0])) return taken;
    for (const waiting of others) {
      if (!mayShare(waiting) || rowsOf(taken) + waiting.session.waiting > SHARED_ROWS) continue;
      this.#waiting = this.#waiting.filter((other) => other !== waiting);
      taken.push(...partOf(waiting));
    }
    return taken;
  }

  async #run(taken: readonly Taken[]): Promise<void> {
    try {
      const notCommitted = await this.#commit.project(taken.map(({ part }) => part));
      const again = new Map(notCommitted.map((part) => [part.holder, part]));
      // These go first, each alone, so that a chunk that cannot be committed stops its own partition only.
      this.#waiting.unshift(
        ...taken.flatMap(({ session, resolve, reject }) => {
          const part = again.get(session);
          if (part !== undefined) return [{ session, again: part, resolve, reject }];
          resolve();
          return [];
        }),
      );
    } catch (error) {
      for (const { reject } of taken) reject(error);
    }
  }
}

function mayShare({ session, again }: Waiting): boolean {
  return again === undefined && session.mode.kind === 'commit' && !session.pace.isReduced;
}

function hasFew({ session, again }: Waiting): boolean {
  return (again?.chunk.events.length ?? session.waiting) <= SHARED_ROWS;
}

function rowsOf(taken: readonly Taken[]): number {
  return taken.reduce((sum, { part }) => sum + part.chunk.events.length, 0);
}

function partOf(waiting: Waiting): Taken[] {
  const part = waiting.again ?? waiting.session.take();
  if (part !== undefined) return [{ ...waiting, part }];
  waiting.resolve();
  return [];
}
