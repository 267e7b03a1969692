import { inTransaction, type Pool } from '../../lib/postgres.ts';

export interface RestartBounds {
  /** Restarts an hour, of all projectors together; 0: never. */
  readonly cap: number;
  /** Between the first two of them; every later pause is twice the one before. */
  readonly pauseMs: number;
}

/** `wait`: the last restart is too young; `used_up`: the cap is reached, and more restarts would not help. */
export type RestartVerdict = 'now' | 'wait' | 'used_up';

export const HOUR_MS = 3_600_000;

/** `past`: when it was restarted before, as milliseconds of `nowMs`'s clock, in any order. */
export function judgeRestart(
  past: readonly number[],
  nowMs: number,
  { cap, pauseMs }: RestartBounds,
): RestartVerdict {
  const recent = past.filter((at) => nowMs - at < HOUR_MS);
  if (recent.length >= cap) return 'used_up';
  if (recent.length === 0) return 'now';
  return nowMs - Math.max(...recent) >= pauseMs * 2 ** (recent.length - 1) ? 'now' : 'wait';
}

const LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('history_cdc.connector_restart', 0))";
const PAST = `
  SELECT requested_at AS "at" FROM history_cdc.connector_restart
  WHERE connector = $1 AND requested_at > clock_timestamp() - interval '1 hour'`;
const NOW = 'SELECT clock_timestamp() AS now';
const RECORD = 'INSERT INTO history_cdc.connector_restart (connector) VALUES ($1)';

/** Takes one restart of those that all projectors together have; by the clock of the canonical database. */
export async function claimRestart(
  canonical: Pool,
  connector: string,
  bounds: RestartBounds,
): Promise<RestartVerdict> {
  return await inTransaction(canonical, async (client) => {
    await client.query(LOCK);
    const past = (await client.query<{ at: Date }>(PAST, [connector])).rows.map(({ at }) => at.getTime());
    const now = (await client.query<{ now: Date }>(NOW)).rows[0]?.now ?? new Date();
    const verdict = judgeRestart(past, now.getTime(), bounds);
    if (verdict === 'now') await client.query(RECORD, [connector]);
    return verdict;
  });
}
