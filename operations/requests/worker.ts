import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../../lib/errors.ts';
import type { Config } from '../../lib/config.ts';
import type { Logger } from '../../lib/log.ts';
import { namedError } from '../../lib/named-error.ts';
import { createPool, ownSession, type Client, type Pool } from '../../lib/postgres.ts';
import { settledWithin } from '../../lib/settled-within.ts';
import { commandOf } from './commands.ts';
import {
  interruptBegun,
  LANES,
  nextRequest,
  recordEvent,
  WORKERS,
  type Lane,
  type NextRequest,
} from './store.ts';

export interface WorkerOptions {
  readonly config: Config;
  readonly logger: Logger;
  readonly everyMs?: number;
}

const EVERY_MS = 2_000;
const CLOSE_WITHIN_MS = 3_000;
const lock = (lane: Lane) => `SELECT pg_try_advisory_lock(${WORKERS[lane]}) AS taken`;
const unlock = (lane: Lane) => `SELECT pg_advisory_unlock(${WORKERS[lane]})`;

/**
 * Carries out what people ask for in the console, one request at a time per lane, also if several consoles run: the one that
 * works in a lane holds a lock of its database session. What was begun by a console that ended is written down as interrupted by the next
 * one, and is not repeated by itself: a person decides.
 */
export class RequestWorker {
  readonly #options: WorkerOptions;
  readonly #pool: Pool;
  readonly #stop = new AbortController();
  readonly #woken = new Map<Lane, AbortController>();
  readonly #failed = new Set<Lane>();
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: WorkerOptions) {
    this.#options = options;
    const url = options.config.DATABASE_URL ?? '';
    this.#pool = createPool({
      url,
      name: 'history-cdc console worker',
      connections: LANES.length,
      setting: 'DATABASE_URL',
    });
  }

  start(): void {
    this.#running = Promise.all(LANES.map((lane) => this.#rounds(lane)));
  }

  /** Looks for a request at once. */
  readonly wake = (): void => {
    for (const woken of this.#woken.values()) woken.abort();
  };

  async stop(): Promise<void> {
    this.#stop.abort();
    this.wake();
    await settledWithin(CLOSE_WITHIN_MS, this.#running);
    await this.#pool.end();
  }

  async #rounds(lane: Lane): Promise<void> {
    const { everyMs = EVERY_MS, logger } = this.#options;
    while (!this.#stop.signal.aborted) {
      const woken = new AbortController();
      this.#woken.set(lane, woken);
      try {
        await this.#round(lane);
        this.#failed.delete(lane);
      } catch (error) {
        if (!this.#failed.has(lane))
          logger.warn({ reason: messageOf(error), lane }, 'requests of the console cannot be carried out');
        this.#failed.add(lane);
      }
      await delay(everyMs, undefined, { signal: woken.signal }).catch(() => undefined);
    }
  }

  /** Everything that is asked for now in the lane, unless another console works in it. */
  async #round(lane: Lane): Promise<void> {
    const session = await ownSession(this.#pool);
    let broken = true;
    try {
      const { rows } = await session.query<{ taken: boolean }>(lock(lane));
      if (rows[0]?.taken === true) {
        for (const id of await interruptBegun(session, lane))
          this.#options.logger.warn({ request: id }, 'a request was interrupted, because its console ended');
        await this.#all(session, lane);
        await session.query(unlock(lane));
      }
      broken = false;
    } finally {
      session.release(broken);
    }
  }

  async #all(session: Client, lane: Lane): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const request = await nextRequest(session, lane);
      if (request === undefined) return;
      await recordEvent(session, { id: request.id, event: 'begun' });
      await recordEvent(session, { id: request.id, ...(await this.#carriedOut(request)) });
    }
  }

  async #carriedOut(
    request: NextRequest,
  ): Promise<Pick<Parameters<typeof recordEvent>[1], 'event' | 'result'>> {
    const { config, logger } = this.#options;
    const { signal } = this.#stop;
    const { id, by, command, applies } = request;
    logger.info({ request: id, command, applies }, 'a request of the console begins');
    try {
      return await commandOf(command).run({ config, by, applies, signal }, request.arguments);
    } catch (error) {
      if (signal.aborted) return { event: 'interrupted', result: {} };
      const named = namedError(error);
      if (named === undefined) logger.error({ err: error, request: id }, 'a request of the console failed');
      const { code, message, wayOut } = named ?? UNNAMED;
      return { event: 'failed', result: { code, message, wayOut } };
    }
  }
}

/** The text of an error that is not ours may hold a value of a row. */
const UNNAMED = {
  code: 'UNEXPECTED',
  message: 'a fault in history-cdc, or an error of a database',
  wayOut: 'the log of the console has the details',
};
