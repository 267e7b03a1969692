import { FatalError, messageOf } from '../../lib/errors.ts';
import { inDryRun, type Pool } from '../../lib/postgres.ts';
import { valueOf } from '../facts/answer.ts';
import type { Answers } from '../facts/facts.ts';
import { LIMITS, type PaceLimits, type Readings } from './pace.ts';

export interface PaceSettings {
  readonly limits: PaceLimits;
  /** The query for the number that the limit `query` applies to. */
  readonly query?: string;
}

export const DEFAULT_LIMITS = {
  slot_lag_bytes: 1024 * 1_048_576,
  replication_lag_seconds: 30,
  active_sessions: 50,
} as const satisfies PaceLimits;

const QUERY_WITHIN = "SET LOCAL statement_timeout = '5s'; SET LOCAL TRANSACTION READ ONLY";

/** Measures the values that have a limit, and nothing else. */
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

/**
 * Runs the pace query as one read-only statement, limited to 5 s and rolled back, because it runs every few seconds.
 */
async function ask(legacy: Pool, query: string): Promise<number> {
  const value = await inDryRun(legacy, async (client) => {
    await client.query(QUERY_WITHIN);
    // As a subquery, it can only be one SELECT.
    const { rows } = await client.query<{ value: unknown }>(
      `SELECT to_json((\n${query}\n)::float8) #>> '{}' AS value WHERE $1`,
      [true],
    );
    return rows[0]?.value;
  }).catch((error: unknown) => {
    throw unusable(messageOf(error), error);
  });
  if (typeof value === 'string' && Number.isFinite(Number(value))) return Number(value);
  throw unusable('it returns no number');
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

/**
 * The limits whose values cannot be measured. They must be named, because otherwise they would silently have no effect.
 */
export function unseen(readings: Readings): string[] {
  return LIMITS.filter((limit) => readings[limit] === null).map((limit) => limit.replaceAll('_', ' '));
}
