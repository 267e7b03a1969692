import pg from 'pg';
import { passwordHint } from './address.ts';
import { FatalError, messageOf } from './errors.ts';
import { sqlState } from './postgres-errors.ts';
import {
  assertPoliciesShowAll,
  lost,
  prepareSession,
  sessionOf,
  type Bounds,
  type DatabaseSetting,
  type Session,
} from './postgres-session.ts';
import { settledWithin } from './settled-within.ts';
import { tlsFaultOf, tlsWayOut } from './tls-errors.ts';

export type Pool = pg.Pool;
/** Anything that runs a statement: a pool, or the connection of a transaction. */
export type Client = Pick<pg.ClientBase, 'query'>;

interface PoolOptions {
  readonly url: string;
  /** Shown in pg_stat_activity. */
  readonly name: string;
  readonly connections: number;
  readonly bounds?: Bounds;
  /** For COPY: it takes the socket for itself, so nothing else may be sent ahead of its answer. */
  readonly copies?: boolean;
  /** Names the database in what is said of a connection that is lost. */
  readonly setting?: DatabaseSetting;
}

/** A statement over a whole table may take long, but none may run for ever. */
const LONG: Bounds = { statementMs: 15 * 60_000, lockMs: 0 };
/**
 * After this time, TCP asks the peer of a silent connection whether it is still there: then every second, ten times.
 */
const KEEP_ALIVE_AFTER_MS = 10_000;
const CLOSE_WITHIN_MS = 2_000;

/**
 * A pool in which every connection has our settings and limits, whatever the URL, the role, the database or a pooler
 * sets (`prepareSession`). A connection can fail while no query waits for it (idle in the pool, or between two
 * statements of a transaction). This must not end the process: the next query meets the error and reports it.
 */
export function createPool({ url, name, connections, bounds = LONG, ...others }: PoolOptions): Pool {
  const { copies = false, setting } = others;
  const pool = new pg.Pool({
    connectionString: withoutOurs(url),
    application_name: name,
    max: connections,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
    // Queries that do not need each other's answers are sent at once. Their answers come in order.
    pipeline: !copies,
    ...hook((client) => prepareSession(client, { name, bounds, setting })),
  });
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  const connect: () => Promise<pg.PoolClient> = pool.connect.bind(pool);
  const connected = () =>
    connect().catch((error: unknown) => {
      throw lost(error, setting);
    });
  pool.connect = connected as typeof pool.connect;
  pool.query = (async (...statement: [string, unknown[]]) => {
    const client = await connected();
    let broken = true;
    try {
      const result: unknown = await client.query(...statement);
      broken = false;
      return result;
    } finally {
      client.release(broken);
    }
  }) as unknown as typeof pool.query;
  const end: () => Promise<void> = pool.end.bind(pool);
  // A server that does not answer does not confirm the end of a connection either, so the wait has a limit.
  pool.end = async () => {
    await settledWithin(CLOSE_WITHIN_MS, end());
  };
  return pool;
}

/** The pool waits for this promise, although its types do not say so. */
function hook(prepare: (client: pg.ClientBase) => Promise<void>): pg.PoolConfig {
  return Object.assign({}, { onConnect: prepare });
}

/** Parameters of a URL with which the driver would override what our pool sets. */
const OURS = [
  'application_name',
  'fallback_application_name',
  'query_timeout',
  'statement_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
  'client_encoding',
  'replication',
];

/** `options` stays, because some hosts need it to find the database. We set again whatever it sets. */
function withoutOurs(text: string): string {
  if (!URL.canParse(text)) return text;
  const url = new URL(text);
  const given = OURS.filter((name) => url.searchParams.has(name));
  for (const name of given) url.searchParams.delete(name);
  return given.length === 0 ? text : url.href;
}

/**
 * The time limits of our transactions. They cover, in the order in which Postgres checks them: a lock that somebody
 * else holds, a statement that takes too long, and a process that stopped between two statements (SIGSTOP, a lost host)
 * while it holds locks that its successor needs.
 */
const TRANSACTION_MS = 30_000;
const SAME_PID = 'SELECT pg_backend_pid() AS pid';

function beginning({ preamble = '', bounds = LONG }: Partial<Session> = {}, snapshot = false): string {
  if (snapshot)
    return `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ${preamble === '' ? '' : `${preamble}; `}${WHOLE_TABLE}`;
  const statementMs = Math.min(TRANSACTION_MS, bounds.statementMs);
  return `BEGIN ISOLATION LEVEL READ COMMITTED; ${preamble === '' ? '' : `${preamble}; `}SET LOCAL lock_timeout = '10s'; SET LOCAL statement_timeout = '${String(statementMs)}ms'; SET LOCAL idle_in_transaction_session_timeout = '20s'`;
}

/**
 * In a transaction of few rows, planning is most of the cost. So each connection prepares every statement once, and
 * uses a generic plan. This is not done for many rows, because a generic plan assumes that an array has ten elements.
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

/** A snapshot may wait for an object store. It blocks no writer, but VACUUM keeps dead rows until it ends. */
const WHOLE_TABLE =
  "SET LOCAL lock_timeout = '10s'; SET LOCAL statement_timeout = '6h'; SET LOCAL idle_in_transaction_session_timeout = '2h'; SET LOCAL jit = off";

export interface TransactionOptions {
  readonly prepared?: boolean;
  /** REPEATABLE READ, READ ONLY: all statements see what was committed before the first one, and may take hours. */
  readonly snapshot?: boolean;
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
 * The only place where a transaction starts. It is READ COMMITTED, because every statement must see what was committed
 * before it got its locks; only a reader asks for a snapshot. If an error leaves the state of the connection unknown (a
 * COMMIT without an answer), the connection is destroyed, and the caller reads the stored offset again.
 */
export async function inTransaction<T>(
  pool: Pool,
  work: (client: Client) => Promise<T>,
  { prepared = false, snapshot = false }: TransactionOptions = {},
): Promise<T> {
  const client = await pool.connect();
  const session = sessionOf(client);
  let broken = true;
  try {
    if (session !== undefined) session.inside = true;
    const begun = await client.query(
      `${beginning(session, snapshot)}${prepared ? PREPARED : ''}; ${SAME_PID}`,
    );
    assertSameSession(session, begun);
    // Behind a pooler, the next transaction may get another session, which does not have the prepared statements.
    const result = await work(prepared && session?.pooled !== true ? preparing(client) : client);
    // The tables that were read are locked against ALTER POLICY until the end. So this check covers the policies under
    // which they were read.
    if (session?.policiesShowAll === true) await assertPoliciesShowAll(client);
    await client.query('COMMIT');
    broken = false;
    return result;
  } catch (error) {
    broken = !(await rolledBack(client));
    if (error instanceof RolledBack) return error.value as T;
    throw error;
  } finally {
    if (session !== undefined) Object.assign(session, { inside: false, limitMs: session.bounds.statementMs });
    client.release(broken);
  }
}

/** Detects a pooler that hides itself and gives each transaction another session: it would remove our settings. */
function assertSameSession(session: Session | undefined, begun: unknown): void {
  if (session === undefined || session.pooled) return;
  const [row] = ((begun as pg.QueryResult[]).at(-1) as pg.QueryResult<{ pid: number }>).rows;
  if (row?.pid === session.pid) return;
  throw new FatalError({
    code: 'SESSION_UNFIT',
    message:
      'a pooler between us and Postgres gives each transaction another session, and does not show that it is there',
    wayOut: 'connect to the server itself, or through a pooler in session mode',
  });
}

/** A connection whose session lasts, for temporary tables and session locks. There must be no pooler in between. */
export async function ownSession(pool: Pool): Promise<pg.PoolClient> {
  const client = await pool.connect();
  if (sessionOf(client)?.pooled !== true) return client;
  client.release();
  throw new FatalError({
    code: 'SESSION_UNFIT',
    message: 'a pooler stands between this command and Postgres, and the command needs a session of its own',
    wayOut:
      'for this command, set DATABASE_URL and LEGACY_DATABASE_URL to the addresses of the servers themselves',
  });
}

/** A transaction in a given session, because only that session sees its temporary tables. */
export async function inTransactionOf<T>(session: Client, work: () => Promise<T>): Promise<T> {
  await session.query(beginning());
  try {
    const result = await work();
    await session.query('COMMIT');
    return result;
  } catch (error) {
    await session.query('ROLLBACK');
    throw error;
  }
}

/** Runs the same work as `inTransaction`, including what is deferred to the COMMIT, and rolls it back. */
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
/**
 * No line of pg_hba.conf admits the connection. The usual cause is a connection without TLS to a server that requires
 * it.
 */
const INVALID_AUTHORIZATION = '28000';

function wayIn(error: unknown, setting: string): string {
  const fault = tlsFaultOf(error);
  if (fault !== undefined) return tlsWayOut(fault, { ca: `sslrootcert in ${setting}`, address: setting });
  switch (sqlState(error)) {
    case INVALID_PASSWORD:
      return `put the password of its role into ${setting}`;
    case INVALID_AUTHORIZATION:
      return `add sslmode=verify-full to ${setting} (and sslrootcert with the authority's PEM file, if Node does not know the authority), or let pg_hba.conf admit the role from this host to that database`;
    default:
      return `check ${setting} (\`history-cdc config\`), and that the server runs and admits the role`;
  }
}

/** Opens one connection and closes it, so that a wrong address or password is reported before any work starts. */
export async function assertReachable(pool: Pool, setting: string): Promise<void> {
  try {
    (await pool.connect()).release();
  } catch (error) {
    if (error instanceof FatalError) throw error;
    throw new FatalError({
      code: 'DATABASE_UNREACHABLE',
      message: `Postgres cannot be reached at ${setting}: ${messageOf(error)}`,
      wayOut: [...passwordHint(error, pool.options.connectionString, setting), wayIn(error, setting)].join(
        '; ',
      ),
      cause: error,
    });
  }
}
