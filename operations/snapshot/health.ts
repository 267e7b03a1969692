import { FatalError, messageOf } from '../../lib/errors.ts';
import { inDryRun, type Pool } from '../../lib/postgres.ts';
import { valueOf } from '../facts/answer.ts';
import type { Answers } from '../facts/facts.ts';
import { LIMITS, type PaceLimits, type Readings } from './pace.ts';

export interface PaceSettings {
  readonly limits: PaceLimits;
  /** Gives the number that the limit `query` looks at. */
  readonly query?: string;
}

export const DEFAULT_LIMITS = {
  slot_lag_bytes: 1024 * 1_048_576,
  replication_lag_seconds: 30,
  active_sessions: 50,
} as const satisfies PaceLimits;

const QUERY_WITHIN = "SET LOCAL statement_timeout = '5s'; SET LOCAL TRANSACTION READ ONLY";

/** What the limits look at, and nothing else. */
export async function readHealth(
  legacy: Pool,
  { slot, load }: Pick<Answers, 'slot' | 'load'>,
  { limits, query }: PaceSettings,
): Promise<Readings> {
  const named = LIMITS.filter((limit) => limits[limit] !== undefined);
  const all: Readings = {
    slot_lag_bytes: valueOf(slot)?.lagBytes ?? null,
    ...valueOf(load),
    query: query === undefined ? null : await ask(legacy, query),
  };
  return Object.fromEntries(named.map((limit) => [limit, all[limit] ?? null]));
}

/** One statement, read only, rolled back, within 5 s: it is asked every few seconds while the snapshot runs. */
async function ask(legacy: Pool, query: string): Promise<number> {
  const value = await inDryRun(legacy, async (client) => {
    await client.query(QUERY_WITHIN);
    // In a subquery it can be nothing but one SELECT.
    const { rows } = await client.query<{ value: unknown }>(
      `SELECT to_json((\n${query}\n)::float8) #>> '{}' AS value WHERE $1`,
      [true],
    );
    return rows[0]?.value;
  }).catch((error: unknown) => {
    throw unusable(messageOf(error), error);
  });
  if (typeof value === 'string' && Number.isFinite(Number(value))) return Number(value);
  throw unusable('it gives no number');
}

function unusable(reason: string, cause?: unknown): FatalError {
  return new FatalError({
    code: 'CONFIG_INVALID',
    message: `the query of --pace-query cannot be used: ${reason}`,
    wayOut:
      'it must be one SELECT of one number, read only and within 5 s: --pace-query "SELECT count(*) FROM pg_locks WHERE NOT granted"',
    cause,
  });
}

/** What cannot be measured, and would be missed without a word. */
export function unseen(readings: Readings): string[] {
  return LIMITS.filter((limit) => readings[limit] === null).map((limit) => limit.replaceAll('_', ' '));
}
