import { createPool, type Pool } from '../lib/postgres.ts';
import { ROLES } from '../stack/state.ts';

const COPY = 'bench_copy';

/** The databases of a bench, on the server of its stack. */
export class Databases {
  /** The URL of the database `app`. Only its server, role and password are used. */
  readonly #appUrl: string;
  readonly #superuserUrl: string;

  constructor(urls: { readonly databaseUrl: string; readonly superuserUrl: string }) {
    this.#appUrl = urls.databaseUrl;
    this.#superuserUrl = urls.superuserUrl;
  }

  urlOf(database: string): string {
    return withDatabase(this.#appUrl, database);
  }

  superuserUrlOf(database: string): string {
    return withDatabase(this.#superuserUrl, database);
  }

  async create(database: string): Promise<void> {
    await this.asSuperuser((pool) => pool.query(`CREATE DATABASE ${database} OWNER ${ROLES.app}`));
  }

  async drop(database: string): Promise<void> {
    await this.asSuperuser((pool) => pool.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`));
  }

  /**
   * A copy of a database, statistics included, for the time of the work: what an earlier run left would slow a later
   * one down. Nobody may be connected to the original. The checkpoint before the work is the same for everybody.
   */
  async withCopy<T>(original: string, work: (copy: string) => Promise<T>): Promise<T> {
    await this.drop(COPY);
    await this.asSuperuser(async (pool) => {
      // The copy is made file by file. The default way, through the WAL, would cost more than the measured run.
      await pool.query(`CREATE DATABASE ${COPY} OWNER ${ROLES.app} TEMPLATE ${original} STRATEGY file_copy`);
      await pool.query('CHECKPOINT');
    });
    try {
      return await work(COPY);
    } finally {
      await this.drop(COPY);
    }
  }

  async asSuperuser<T>(work: (pool: Pool) => Promise<T>, database = 'postgres'): Promise<T> {
    return await withPool(this.superuserUrlOf(database), work);
  }
}

/** The same server and role, another database. */
function withDatabase(url: string, database: string): string {
  const other = new URL(url);
  other.pathname = database;
  return other.href;
}

/** Opens a pool, runs the work with it, and closes the pool. */
export async function withPool<T>(url: string, work: (pool: Pool) => Promise<T>): Promise<T> {
  const pool = createPool({ url, name: 'history-cdc bench', connections: 2 });
  try {
    return await work(pool);
  } finally {
    await pool.end();
  }
}
