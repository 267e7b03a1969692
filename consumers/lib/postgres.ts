import pg from 'pg';
import { FatalError, messageOf } from './errors.ts';
import { sqlState, tellFailures } from './postgres-errors.ts';
import { tlsFaultOf, tlsWayOut } from './tls-errors.ts';

export type Pool = pg.Pool;
/** What runs a statement: a pool, or the connection of a transaction. */
export type Client = Pick<pg.ClientBase, 'query'>;

interface PoolOptions {
  readonly url: string;
  /** Shown in pg_stat_activity. */
  readonly name: string;
  readonly connections: number;
  /** More settings of its sessions, as `-c name=value`. */
  readonly settings?: string;
}

/**
 * A pool whose every connection has bounds. `search_path` is fixed, so no object of another schema can stand in
 * for ours; the time zone too, so a timestamp has one text. The error of a connection that no query is waiting on
 * must not end the process, be it idle in the pool or between two statements of a transaction (the server went away,
 * or ended a transaction that stood still): the next query meets it and says so.
 */
export function createPool({ url, name, connections, settings = '' }: PoolOptions): Pool {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: name,
    max: connections,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    // Questions that do not wait for each other's answers are sent at once, and answered in their order.
    pipeline: true,
    options: `-c search_path=public,pg_temp -c TimeZone=UTC -c DateStyle=ISO ${settings}`,
  });
  tellFailures(pool);
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

/**
 * The bounds of a transaction of ours, in the order Postgres meets them: a lock that somebody else holds, a
 * statement that runs away, and a process that stopped between two statements (SIGSTOP, a lost host) while it
 * holds locks that its successor needs.
 */
const TRANSACTION_BOUNDS =
  "SET LOCAL lock_timeout = '10s'; SET LOCAL statement_timeout = '30s'; SET LOCAL idle_in_transaction_session_timeout = '20s'";

/**
 * Of a transaction of few rows, planning is most of the cost: each connection prepares every statement once, and runs
 * it by a plan that was made without its values. Not for many rows: such a plan takes an array to have ten elements.
 */
const PREPARED = "; SET LOCAL plan_cache_mode = 'force_generic_plan'";
const names = new Map<string, string>();

function preparing(client: pg.PoolClient): Client {
  const query = (text: string, values?: unknown[]) => {
    if (values === undefined) return client.query(text);
    const name = names.get(text) ?? `history_cdc_${String(names.size)}`;
    names.set(text, name);
    return client.query({ name, text, values });
  };
  return { query: query as Client['query'] };
}

export interface TransactionOptions {
  readonly prepared?: boolean;
}

/** Thrown inside `inTransaction` to roll back on purpose and still return a value. */
class RolledBack<T> extends Error {
  readonly value: T;
  constructor(value: T) {
    super('rolled back on purpose');
    this.value = value;
  }
}

/**
 * The only place where a transaction starts. READ COMMITTED, because every statement must see what was committed
 * before it took its locks. After any error the connection is destroyed when its state is not known (a COMMIT
 * whose answer was lost): the caller re-reads the stored offset instead of guessing.
 */
export async function inTransaction<T>(
  pool: Pool,
  work: (client: Client) => Promise<T>,
  { prepared = false }: TransactionOptions = {},
): Promise<T> {
  const client = await pool.connect();
  let broken = true;
  try {
    await client.query(
      `BEGIN ISOLATION LEVEL READ COMMITTED; ${TRANSACTION_BOUNDS}${prepared ? PREPARED : ''}`,
    );
    const result = await work(prepared ? preparing(client) : client);
    await client.query('COMMIT');
    broken = false;
    return result;
  } catch (error) {
    broken = !(await rolledBack(client));
    if (error instanceof RolledBack) return error.value as T;
    throw error;
  } finally {
    client.release(broken);
  }
}

/** A transaction of a session that its work shares: its temporary tables are seen by no other. */
export async function inTransactionOf<T>(session: Client, work: () => Promise<T>): Promise<T> {
  await session.query(`BEGIN ISOLATION LEVEL READ COMMITTED; ${TRANSACTION_BOUNDS}`);
  try {
    const result = await work();
    await session.query('COMMIT');
    return result;
  } catch (error) {
    await session.query('ROLLBACK');
    throw error;
  }
}

/** Runs the same work as `inTransaction`, with what is deferred to the COMMIT, and rolls it back. */
export async function inDryRun<T>(
  pool: Pool,
  work: (client: Client) => Promise<T>,
  options: TransactionOptions = {},
): Promise<T> {
  return await inTransaction<T>(
    pool,
    async (client) => {
      const result = await work(client);
      await client.query('SET CONSTRAINTS ALL IMMEDIATE');
      throw new RolledBack(result);
    },
    options,
  );
}

async function rolledBack(client: pg.PoolClient): Promise<boolean> {
  try {
    await client.query('ROLLBACK');
    return true;
  } catch {
    return false;
  }
}

const INVALID_PASSWORD = '28P01';
/** No line of pg_hba.conf admits the connection; above all one without TLS where the server wants it. */
const INVALID_AUTHORIZATION = '28000';

function wayIn(error: unknown, setting: string): string {
  const fault = tlsFaultOf(error);
  if (fault !== undefined) return tlsWayOut(fault, { ca: `sslrootcert in ${setting}`, address: setting });
  switch (sqlState(error)) {
    case INVALID_PASSWORD:
      return `put the password of its role into ${setting}`;
    case INVALID_AUTHORIZATION:
      return `add sslmode=verify-full to ${setting}, and sslrootcert with the authority's PEM file where Node does not know it; else let pg_hba.conf admit the role, from here, to that database`;
    default:
      return `check ${setting} (\`history-cdc config\`), and that the server runs and admits the role`;
  }
}

/** Opens one connection and closes it: a wrong address or password is named before any work starts. */
export async function assertReachable(pool: Pool, setting: string): Promise<void> {
  try {
    (await pool.connect()).release();
  } catch (error) {
    throw new FatalError({
      code: 'DATABASE_UNREACHABLE',
      message: `Postgres cannot be reached at ${setting}: ${messageOf(error)}`,
      wayOut: wayIn(error, setting),
      cause: error,
    });
  }
}
