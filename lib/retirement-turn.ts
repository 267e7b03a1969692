import { FatalError } from './errors.ts';
import { ownSession, type Client, type Pool } from './postgres.ts';

/**
 * `alone`: fence, unfence, close, drop, erase, teardown and a migration, which change what may be written, what there is, or
 * what an archive holds. `beside others`: export, verify, restore and drill, of which several may run at once, but none beside
 * a step that runs alone.
 */
export type Turn = 'alone' | 'beside others';

/** One key for all. It belongs to the canonical database, because every command of the retirement connects there. */
const KEY = "hashtextextended('history_cdc.retirement', 0)";
const TAKE: Readonly<Record<Turn, string>> = {
  alone: `SELECT pg_try_advisory_lock(${KEY}) AS taken`,
  'beside others': `SELECT pg_try_advisory_lock_shared(${KEY}) AS taken`,
};
const TAKE_UNTIL_COMMIT = `SELECT pg_try_advisory_xact_lock(${KEY}) AS taken`;
const FREE = 'SELECT pg_advisory_unlock_all()';
const HOLDERS = `
  SELECT DISTINCT l.pid, format('%s (pid %s, role %s, %s)', coalesce(nullif(a.application_name, ''), 'a session'), l.pid, a.usename,
           coalesce('since ' || to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'), 'since when is hidden from this role')) AS holder
  FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
  WHERE l.locktype = 'advisory' AND l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND l.objsubid = 1 AND (l.classid::bigint << 32 | l.objid::bigint) = ${KEY} AND l.pid <> pg_backend_pid()
  ORDER BY holder`;
const STILL_THERE = `
  SELECT EXISTS (
    SELECT FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND pid = pg_backend_pid()
      AND (classid::bigint << 32 | objid::bigint) = ${KEY}) AS held`;

/**
 * The session that holds the turn is idle. If its host loses power or network, only TCP's keepalive tells Postgres, and by the
 * defaults of Linux after more than two hours. With these values, Postgres ends the session and frees the turn after at most
 * `DEAD_AFTER_SECONDS`. They do nothing on a Unix socket, where client and server die together.
 */
const DEAD_AFTER_SECONDS = 60;
const NOTICE_DEAD_HOST = `
  SELECT set_config('tcp_keepalives_idle', '30', false), set_config('tcp_keepalives_interval', '10', false),
         set_config('tcp_keepalives_count', '3', false)`;

export interface HeldTurn {
  /** Throws if the connection that holds the turn is gone: another command may have begun since. */
  readonly assertHeld: () => Promise<void>;
}

/**
 * Runs one step of the retirement, and keeps those out that must not run at the same time; refuses at once if one of them
 * runs. Without it, an export could read the table while the fence or the drop changes it. The lock ends with the session,
 * so a command that was killed keeps nobody out, and one whose host has died only for `DEAD_AFTER_SECONDS`.
 */
export async function withTurn<T>(
  canonical: Pool,
  turn: Turn,
  work: (held: HeldTurn) => Promise<T>,
): Promise<T> {
  const session = await ownSession(canonical);
  try {
    await session.query(NOTICE_DEAD_HOST);
    const { rows } = await session.query<{ taken: boolean }>(TAKE[turn]);
    if (rows[0]?.taken !== true) throw await busy(session);
    return await work({ assertHeld: () => assertHeld(session) });
  } finally {
    // If the connection is broken, its end frees the lock.
    const freed = await session.query(FREE).then(
      () => true,
      () => false,
    );
    session.release(!freed);
  }
}

/**
 * Takes the turn alone until the transaction of `client` ends, also behind a pooler, where no session of its own can be had.
 * Throws if a step of the retirement is at work.
 */
export async function takeTurn(client: Client): Promise<void> {
  const { rows } = await client.query<{ taken: boolean }>(TAKE_UNTIL_COMMIT);
  if (rows[0]?.taken !== true) throw await busy(client);
}

async function busy(session: Client): Promise<FatalError> {
  const { rows } = await session.query<{ pid: number; holder: string }>(HOLDERS);
  const holders = rows.map(({ holder }) => holder).join(', ');
  return new FatalError({
    code: 'RETIREMENT_BUSY',
    message: `another step of the retirement is at work: ${holders === '' ? 'it has just ended' : holders}`,
    wayOut: `wait until it has ended, and run this command again; if its host is dead, Postgres ends the session within ${String(DEAD_AFTER_SECONDS)} s${atOnce(rows)}`,
  });
}

/** What a person can do who knows that the command is dead. */
function atOnce(holders: readonly { readonly pid: number }[]): string {
  if (holders.length === 0) return '';
  const statements = holders.map(({ pid }) => `SELECT pg_terminate_backend(${String(pid)});`);
  return `, or at once in the database of DATABASE_URL: ${statements.join(' ')}`;
}

async function assertHeld(session: Client): Promise<void> {
  const held = await session.query<{ held: boolean }>(STILL_THERE).catch(() => undefined);
  if (held?.rows[0]?.held === true) return;
  throw new FatalError({
    code: 'RETIREMENT_BUSY',
    message:
      'the connection that kept other steps of the retirement out is gone, so one of them may have begun',
    wayOut: 'run this command again; nothing was changed',
  });
}
