import { inTransaction, type Pool } from '../../lib/postgres.ts';

export interface RestartBounds {
  /** The maximum number of restarts per hour, by all projectors together; 0 for none. */
  readonly cap: number;
  /** The pause between the first two restarts. Every later pause is twice as long as the one before. */
  readonly pauseMs: number;
}

/** `wait`: the last restart is too recent. `used_up`: the cap is reached, and more restarts would not help. */
export type RestartVerdict = 'now' | 'wait' | 'used_up';

export const HOUR_MS = 3_600_000;

/** `past`: the times of earlier restarts, in milliseconds of the clock of `nowMs`, in any order. */
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

/** Takes one of the restarts that all projectors share, by the clock of the canonical database. */
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
