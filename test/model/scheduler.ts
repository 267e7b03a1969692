/**
 * Interleaves actors at their statements. Each actor stops before every statement of its own and goes on when it is
 * given its turn, so that whoever holds the scheduler decides which statement comes next, and the same choices give the
 * same interleaving. A statement that waits for a lock counts as let go: the others go on meanwhile, as they would.
 */
import { setImmediate } from 'node:timers/promises';
import type { Client, Pool } from '../../lib/postgres.ts';

/** The process of the actor ended here: what it had not committed is gone. */
export class Crash extends Error {
  override readonly name = 'Crash';
}

/** A connection as the engine knows it. */
export interface Connection extends Client {
  release(broken?: boolean | Error): void;
}

/** What the scheduler has to know of a database. */
export interface Blocking {
  /** Which of the connections wait for a lock that another one holds. */
  blocked(connections: readonly Connection[]): Promise<ReadonlySet<Connection>>;
}

export type Moment = 'at once' | 'after the next commit';

export class Actor {
  readonly name: string;
  ended = false;
  /** Statements that had to wait for a lock. */
  waits = 0;
  /** Texts of the statements that came back since somebody last looked. */
  readonly done: string[] = [];
  /** What it does when it is given its turn. */
  next = '';
  #gate: { readonly isOpen: () => boolean; readonly go: () => void } | undefined;
  /** Between a BEGIN and its end: it may hold locks. */
  isInTransaction = false;
  #inFlight: Connection | undefined;
  #back: Promise<unknown> = Promise.resolve();
  #waited = false;
  #doom: Moment | undefined;

  constructor(name: string) {
    this.name = name;
  }

  /** It stands before a statement, and has all that it needs for it. */
  get isReady(): boolean {
    return this.#gate?.isOpen() === true;
  }

  /** It neither waits for its turn nor for the database. */
  get isBetween(): boolean {
    return !this.ended && this.#gate === undefined && this.#inFlight === undefined;
  }

  /** The connection that runs its statement. */
  get inFlight(): Connection | undefined {
    return this.#inFlight;
  }

  /** Settled when its statement has come back. */
  get back(): Promise<unknown> {
    return this.#back;
  }

  /** Its process ends before its next statement, or behind its next COMMIT, before the answer is there. */
  crash(moment: Moment): void {
    this.#doom = moment;
  }

  go(): void {
    const gate = this.#gate;
    this.#gate = undefined;
    gate?.go();
  }

  sawBlocked(): void {
    if (!this.#waited) this.waits++;
    this.#waited = true;
  }

  /** Waits for its turn, and for `isOpen`. */
  async turn(what: string, isOpen = () => true): Promise<void> {
    this.next = what;
    await new Promise<void>((go) => {
      this.#gate = { isOpen, go };
    });
    if (this.#doom === 'at once') throw new Crash(`${this.name} crashed`);
  }

  async statement<T>(text: string, connection: Connection, run: () => Promise<T>): Promise<T> {
    await this.turn(text);
    this.#inFlight = connection;
    this.#waited = false;
    try {
      const running = run();
      this.#back = running.catch(() => undefined);
      const result = await running;
      this.done.push(text);
      if (text === 'COMMIT' && this.#doom !== undefined)
        throw new Crash(`${this.name} crashed after a commit`);
      return result;
    } finally {
      this.#inFlight = undefined;
    }
  }
}

export class Scheduler {
  readonly actors: Actor[] = [];
  /**
   * Two waited at the same time: which of them goes on first, Postgres decides. Where they wait for one row and one of
   * them has met an older version of it, that is not the order in which they came.
   */
  hasQueued = false;
  readonly #blocking: Blocking;
  readonly #failures: unknown[] = [];

  constructor(blocking: Blocking) {
    this.#blocking = blocking;
  }

  /** Begins an actor; it comes as far as its first statement. */
  begin(name: string, work: (actor: Actor) => Promise<void>): Actor {
    const actor = new Actor(name);
    this.actors.push(actor);
    work(actor)
      .catch((error: unknown) => {
        if (!(error instanceof Crash)) this.#failures.push(error);
      })
      .finally(() => {
        actor.ended = true;
      });
    return actor;
  }

  get ready(): Actor[] {
    return this.actors.filter(({ isReady }) => isReady);
  }

  /** Gives an actor its turn, and waits until every actor stands before a statement or waits for a lock. */
  async step(actor: Actor): Promise<void> {
    actor.go();
    await this.quiet();
  }

  async quiet(): Promise<void> {
    for (;;) {
      await setImmediate();
      if (this.#failures.length > 0) throw this.#failures[0];
      if (this.actors.some(({ isBetween }) => isBetween)) continue;
      const inFlight = this.actors.filter(({ inFlight: connection }) => connection !== undefined);
      if (inFlight.length === 0) return;
      if (!this.#mayWait(inFlight)) await Promise.race(inFlight.map(({ back }) => back));
      else if (await this.#allBlocked(inFlight)) return;
    }
  }

  /** Ends all actors where they stand, after a failure: none keeps a connection or a lock. */
  async abandon(): Promise<void> {
    for (;;) {
      const left = this.actors.filter(({ ended }) => !ended);
      if (left.length === 0) return;
      for (const actor of left) {
        actor.crash('at once');
        actor.go();
      }
      await setImmediate();
    }
  }

  /** Nobody waits for a lock while nobody else is in a transaction. */
  #mayWait(inFlight: readonly Actor[]): boolean {
    const active = this.actors.filter((actor) => actor.isInTransaction || actor.inFlight !== undefined);
    return inFlight.length > 1 || active.length > 1;
  }

  async #allBlocked(inFlight: readonly Actor[]): Promise<boolean> {
    const blocked = await this.#blocking.blocked(inFlight.flatMap(({ inFlight: one }) => one ?? []));
    // Whoever came back meanwhile goes on first, and may have let go of what the others wait for.
    if (!inFlight.every(({ inFlight: one }) => one !== undefined && blocked.has(one))) return false;
    for (const actor of inFlight) actor.sawBlocked();
    if (inFlight.length > 1) this.hasQueued = true;
    return true;
  }
}

/** Statements that neither read nor write rows need no turn; a ROLLBACK is also what the server does for a dead client. */
const UNGATED = /^(BEGIN|SET LOCAL|ROLLBACK)/;

/** The pool for one actor: each statement waits for the actor's turn. */
export function gated(pool: Pool, actor: Actor): Pool {
  const execute = async (connection: Connection, text: string, values?: unknown[]) => {
    if (text.startsWith('BEGIN')) actor.isInTransaction = true;
    const run = () => connection.query(text, values);
    const result = UNGATED.test(text) ? await run() : await actor.statement(text, connection, run);
    if (text === 'COMMIT' || text === 'ROLLBACK') actor.isInTransaction = false;
    return result;
  };
  /** Statements that are sent together run one after the other, as the server does it. */
  const through = (connection: Connection) => {
    let before: Promise<unknown> = Promise.resolve();
    return (question: string | { text: string; values: unknown[] }, values?: unknown[]) => {
      const asked = typeof question === 'string' ? { text: question, values } : question;
      const answer = before.then(() => execute(connection, asked.text, asked.values));
      before = answer.catch(() => undefined);
      return answer;
    };
  };
  const connect = async () => {
    const connection: Connection = await pool.connect();
    return {
      query: through(connection),
      release: (broken?: boolean | Error) => {
        connection.release(broken);
      },
    };
  };
  const query = async (text: string, values?: unknown[]) => {
    const client = await connect();
    try {
      return await client.query(text, values);
    } finally {
      client.release();
    }
  };
  // Of a pool, the projector uses no more than this.
  return { connect, query } as unknown as Pool;
}
