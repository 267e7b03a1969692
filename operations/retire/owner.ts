import { setTimeout as delay } from 'node:timers/promises';
import { FatalError } from '../../lib/errors.ts';
import { assertReachable, createPool, inTransaction, type Client, type Pool } from '../../lib/postgres.ts';
import { sqlState } from '../../lib/postgres-errors.ts';
import { describeHolder, lockHolders } from '../fence/state.ts';

const IDENTITY = `
  SELECT current_database()::text AS database, pg_postmaster_start_time()::text AS started,
         to_regclass('public.agent_test_history')::oid::text AS "tableOid", current_user::text AS role,
         (SELECT pg_get_userbyid(relowner)::text FROM pg_class WHERE oid = to_regclass('public.agent_test_history')) AS owner,
         (SELECT pg_has_role(relowner, 'MEMBER') FROM pg_class WHERE oid = to_regclass('public.agent_test_history')) AS "mayAct"`;

interface Identity {
  readonly database: string;
  readonly started: string;
  readonly tableOid: string | null;
  readonly role: string;
  readonly owner: string | null;
  readonly mayAct: boolean | null;
}

/** Connects as the owner of the legacy table for the time of one step, and refuses any other database or role. */
export async function withOwner<T>(
  {
    url,
    legacy,
    command,
  }: { readonly url: string | undefined; readonly legacy: Client; readonly command: string },
  work: (owner: Pool) => Promise<T>,
): Promise<T> {
  if (url === undefined) throw ownerRequired('OWNER_DATABASE_URL is not set');
  const owner = createPool({ url, name: `history-cdc ${command}`, connections: 2 });
  try {
    await assertReachable(owner, 'OWNER_DATABASE_URL');
    const [there, here] = [await identityOf(owner), await identityOf(legacy)];
    if (
      there.database !== here.database ||
      there.started !== here.started ||
      there.tableOid !== here.tableOid
    )
      throw ownerRequired('OWNER_DATABASE_URL and LEGACY_DATABASE_URL lead to different databases');
    if (there.mayAct === false)
      throw ownerRequired(
        `${there.role}, the role of OWNER_DATABASE_URL, is not ${there.owner ?? '?'}, which owns agent_test_history`,
      );
    return await work(owner);
  } finally {
    await owner.end();
  }
}

async function identityOf(client: Client): Promise<Identity> {
  const [row] = (await client.query<Identity>(IDENTITY)).rows;
  if (row === undefined) throw new Error('the question for the database gave no row');
  return row;
}

export function ownerRequired(message: string): FatalError {
  return new FatalError({
    code: 'OWNER_REQUIRED',
    message,
    wayOut:
      'set OWNER_DATABASE_URL to the legacy database as the owner of the table, for this command only; or let a DBA run what --print prints',
  });
}

export interface LockOptions {
  /** Gives up after so many seconds. */
  readonly waitSeconds: number;
  /** The step waits for writers only, and not for readers. */
  readonly onlyWriters: boolean;
  readonly signal: AbortSignal;
  readonly note: (line: string) => void;
}

/**
 * For how long one attempt may wait for a lock. Whoever needs the table meanwhile queues behind it, so it is short. The longest is
 * beyond `deadlock_timeout` (1 s), after which Postgres cancels an autovacuum that is in the way.
 */
export const LOCK_WAITS_MS = [200, 400, 800, 1_500] as const;
const PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5_000;
const LOCK_NOT_AVAILABLE = '55P03';

/**
 * Runs work in one transaction of the owner under a short lock timeout, and tries again with growing pauses. Between two attempts
 * nobody queues behind us. Gives up with the names of those who hold the table.
 */
export async function underLock<T>(
  owner: Pool,
  { waitSeconds, onlyWriters, signal, note }: LockOptions,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const until = performance.now() + waitSeconds * 1_000;
  for (let attempt = 0; ; attempt++) {
    const waitMs = LOCK_WAITS_MS[Math.min(attempt, LOCK_WAITS_MS.length - 1)] ?? 0;
    try {
      return await inTransaction(owner, async (client) => {
        await client.query(`SET LOCAL lock_timeout = '${String(waitMs)}ms'`);
        return await work(client);
      });
    } catch (error) {
      if (sqlState(error) !== LOCK_NOT_AVAILABLE) throw error;
      const holders = (await lockHolders(owner, { onlyWriters })).map(describeHolder);
      if (performance.now() >= until || signal.aborted) throw tableLocked(holders, waitSeconds, error);
      note(
        `agent_test_history is locked, and is tried again: ${holders.join('; ') || 'by a session that has ended'}`,
      );
    }
    const pauseMs = Math.min(PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS);
    await delay(pauseMs * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => undefined);
  }
}

function tableLocked(holders: readonly string[], waitSeconds: number, cause: unknown): FatalError {
  return new FatalError({
    code: 'TABLE_LOCKED',
    message: `agent_test_history stayed locked for ${String(waitSeconds)} s: ${holders.join('; ') || 'the sessions have ended by now'}; nothing was changed`,
    wayOut: 'wait for these sessions, or end them with pg_terminate_backend(pid), and run the command again',
    cause,
  });
}
