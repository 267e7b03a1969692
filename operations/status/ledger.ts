import { reportOf } from '../reconcile/report.ts';
import { finishedRuns } from '../reconcile/run-store.ts';
import { countUnhealed, type Unhealed } from '../../consumers/agent-test-history/stream/unhealed.ts';
import { readLastSweeps, type LastSweeps } from '../../consumers/agent-test-history/sweep/last-sweep.ts';
import { matchingOf } from '../../consumers/agent-test-history/twins/matching.ts';
import type { Config } from '../../lib/config.ts';
import { type Pool } from '../../lib/postgres.ts';
import { sqlState } from '../../lib/postgres-errors.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { certain } from '../facts/postgres.ts';
import type { DecisionRow, TwinFacts, VerdictFacts } from './facts.ts';

const DECISIONS = sqlFile(import.meta.url, './sql/decisions.sql');
/** Twins whose pair may still change; of them those whose time is over, and those for which it has long been. */
const UNSETTLED = `
  SELECT count(*)::float8 AS unsettled,
         count(*) FILTER (WHERE tested_at < $1::timestamptz - $2::bigint * interval '1 microsecond')::float8 AS due,
         count(*) FILTER (WHERE tested_at < $1::timestamptz - $3::bigint * interval '1 microsecond')::float8 AS overdue
  FROM history_cdc.unsettled_twin`;
const STREAMED_UNTIL = sqlFile(import.meta.url, './sql/streamed-until.sql');
const LEGACY_ROWS = 'SELECT count(*)::float8 AS rows FROM public.agent_test_history';

/** Reads the whole ledger: 1,000,000 rows take about half a second. */
export async function readDecisions(pool: Pool): Promise<readonly DecisionRow[] | undefined> {
  return await ifMigrated(async () => (await pool.query<DecisionRow>(DECISIONS)).rows);
}

/** By the primary key's index. */
export async function readLegacyRows(pool: Pool): Promise<number> {
  return certain((await pool.query<{ rows: number }>(LEGACY_ROWS)).rows[0]).rows;
}

export async function readQuarantine(pool: Pool): Promise<Unhealed | undefined> {
  return await ifMigrated(() => countUnhealed(pool));
}

/** Sweeps come every `SWEEP_INTERVAL_SECONDS`, or ten times as late as one takes: half an hour is late in any case. */
const LATE_US = 1_800_000_000n;

export async function readTwins(pool: Pool, config: Config): Promise<TwinFacts | undefined> {
  const { settleAfterUs } = matchingOf(config);
  return await ifMigrated(async () => {
    const until = (await pool.query<{ until: string }>(STREAMED_UNTIL)).rows[0]?.until ?? null;
    const values = [until, settleAfterUs, settleAfterUs + LATE_US];
    return certain((await pool.query<TwinFacts>(UNSETTLED, values)).rows[0]);
  });
}

export async function readSweeps(pool: Pool): Promise<LastSweeps | undefined> {
  return await ifMigrated(() => readLastSweeps(pool));
}

const VERDICTS = 3;

export async function readVerdicts(pool: Pool): Promise<VerdictFacts | undefined> {
  return await ifMigrated(async () => {
    const [last, ...before] = await finishedRuns(pool, VERDICTS);
    return { last: last === undefined ? undefined : await reportOf(pool, last), before };
  });
}

const UNDEFINED_TABLE = '42P01';

/** Undefined where the schema history_cdc is not there, or lacks the table. */
async function ifMigrated<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (sqlState(error) === UNDEFINED_TABLE) return undefined;
    throw error;
  }
}
