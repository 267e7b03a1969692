import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../../lib/errors.ts';
import type { Config } from '../../lib/config.ts';
import type { Logger } from '../../lib/log.ts';
import { namedError } from '../../lib/named-error.ts';
import { createPool, ownSession, type Client, type Pool } from '../../lib/postgres.ts';
import { settledWithin } from '../../lib/settled-within.ts';
import { commandOf } from './commands.ts';
import { interruptBegun, nextRequest, recordEvent, WORKER, type NextRequest } from './store.ts';

export interface WorkerOptions {
  readonly config: Config;
  readonly logger: Logger;
  readonly everyMs?: number;
}

const EVERY_MS = 2_000;
const CLOSE_WITHIN_MS = 3_000;
const LOCK = `SELECT pg_try_advisory_lock(${WORKER}) AS taken`;
const UNLOCK = `SELECT pg_advisory_unlock(${WORKER})`;

/**
 * Carries out what people ask for in the console, one request at a time, also if several consoles run: the one that works
 * holds a lock of its database session. What was begun by a console that ended is written down as interrupted by the next
 * one, and is not repeated by itself: a person decides.
 */
export class RequestWorker {
  readonly #options: WorkerOptions;
  readonly #pool: Pool;
  readonly #stop = new AbortController();
  #woken = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #failed = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
    const url = options.config.DATABASE_URL ?? '';
    this.#pool = createPool({
      url,
      name: 'history-cdc console worker',
      connections: 1,
      setting: 'DATABASE_URL',
    });
  }

  start(): void {
    this.#running = this.#rounds();
  }

  /** Looks for a request at once. */
  readonly wake = (): void => {
    this.#woken.abort();
  };

  async stop(): Promise<void> {
    this.#stop.abort();
    this.wake();
    await settledWithin(CLOSE_WITHIN_MS, this.#running);
    await this.#pool.end();
  }

  async #rounds(): Promise<void> {
    const { everyMs = EVERY_MS, logger } = this.#options;
    while (!this.#stop.signal.aborted) {
      this.#woken = new AbortController();
      try {
        await this.#round();
        this.#failed = false;
      } catch (error) {
        if (!this.#failed)
          logger.warn({ reason: messageOf(error) }, 'requests of the console cannot be carried out');
        this.#failed = true;
      }
      await delay(everyMs, undefined, { signal: this.#woken.signal }).catch(() => undefined);
    }
  }

  /** Everything that is asked for now, unless another console works. */
  async #round(): Promise<void> {
    const session = await ownSession(this.#pool);
    let broken = true;
    try {
      const { rows } = await session.query<{ taken: boolean }>(LOCK);
      if (rows[0]?.taken === true) {
        for (const id of await interruptBegun(session))
          this.#options.logger.warn({ request: id }, 'a request was interrupted, because its console ended');
        await this.#all(session);
        await session.query(UNLOCK);
      }
      broken = false;
    } finally {
      session.release(broken);
    }
  }

  async #all(session: Client): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const request = await nextRequest(session);
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
