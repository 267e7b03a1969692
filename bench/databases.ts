import { setTimeout } from 'node:timers/promises';
import { createPool, type Pool } from '../consumers/lib/postgres.ts';
import { DATABASE, ROLES } from '../stack/state.ts';

const BEFORE = 'bench_before';
const COPY = 'bench_copy';

export interface Copy {
  readonly name: string;
  /** Milliseconds that sessions on it have spent in statements, all of them; waits until those sessions are gone. */
  activeMs(): Promise<number>;
}

/** Copies of the application's database, all from the same moment. */
export class Databases {
  /** The application's database as superuser. */
  readonly superuserUrl: string;
  readonly #serverUrl: string;

  constructor(serverUrl: string) {
    this.#serverUrl = serverUrl;
    this.superuserUrl = withDatabase(serverUrl, DATABASE);
  }

  /** Nobody may be connected to the application's database. */
  async putAside(): Promise<void> {
    await this.#asSuperuser((pool) => pool.query(`CREATE DATABASE ${BEFORE} TEMPLATE ${DATABASE}`));
  }

  /** A copy of what was put aside, statistics included, for the time of the work. */
  async withCopy<T>(work: (copy: Copy) => Promise<T>): Promise<T> {
    return await this.#asSuperuser(async (pool) => {
      await pool.query(`CREATE DATABASE ${COPY} OWNER ${ROLES.app} TEMPLATE ${BEFORE}`);
      try {
        await pool.query('CHECKPOINT');
        return await work({ name: COPY, activeMs: () => activeMs(pool) });
      } finally {
        await pool.query(`DROP DATABASE ${COPY} WITH (FORCE)`);
      }
    });
  }

  async #asSuperuser<T>(work: (pool: Pool) => Promise<T>): Promise<T> {
    const pool = createPool({ url: this.#serverUrl, name: 'history-cdc bench', connections: 1 });
    try {
      return await work(pool);
    } finally {
      await pool.end();
    }
  }
}

const ACTIVE = `
  SELECT active_time AS ms, EXISTS (SELECT FROM pg_stat_activity a WHERE a.datname = $1 AND a.backend_type = 'client backend') AS busy
  FROM pg_stat_database d WHERE d.datname = $1`;
const SESSIONS_END_WITHIN_MS = 10_000;
const POLL_MS = 20;

/** A session reports its time when it ends, a moment after its client is gone. */
async function activeMs(pool: Pool): Promise<number> {
  const until = performance.now() + SESSIONS_END_WITHIN_MS;
  for (;;) {
    const { rows } = await pool.query<{ ms: number; busy: boolean }>(ACTIVE, [COPY]);
    const [row] = rows;
    if (row === undefined) throw new Error(`${COPY} is gone`);
    if (!row.busy) return row.ms;
    if (performance.now() > until) throw new Error('the projector is gone, and its sessions are not');
    await setTimeout(POLL_MS);
  }
}

/** The same server and role, another database. */
export function withDatabase(url: string, database: string): string {
  const other = new URL(url);
  other.pathname = database;
  return other.href;
}
