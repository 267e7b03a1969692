import { reportOf, type ReconcileReport } from '../reconcile/report.ts';
import { finishedRuns, type ReconcileRun } from '../reconcile/run-store.ts';
import {
  recordedSettings,
  type DecidingSettings,
} from '../../consumers/agent-test-history/batch/deciding-settings.ts';
import { countUnhealed, type Unhealed } from '../../consumers/agent-test-history/stream/unhealed.ts';
import {
  readLastSweeps,
  type EndedSweep,
  type LastSweeps,
} from '../../consumers/agent-test-history/sweep/last-sweep.ts';
import { matchingOf } from '../../consumers/agent-test-history/twins/matching.ts';
import type { Config } from '../../lib/config.ts';
import { type Pool } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { certain, ifMigrated } from './postgres.ts';

export type { EndedSweep, LastSweeps, Unhealed };

export interface DecisionRow {
  readonly decision: string;
  readonly rows: number;
  /** Whose legacy row was not deleted, as far as the ledger knows. */
  readonly not_deleted: number;
  /** A live row cannot take over from ours, because something refers to ours. */
  readonly blocked: number;
  /** Projected beside a live row with which they have nothing but the time in common. */
  readonly weak: number;
  /** Owners' runs that the live path did not record while it was up. */
  readonly stragglers: number;
}

export interface TwinFacts {
  readonly unsettled: number;
  /** Those that the next sweep settles. */
  readonly due: number;
  /** Those that a sweep should have settled half an hour ago. */
  readonly overdue: number;
}

export interface VerdictFacts {
  /** Undefined where `reconcile` never came to its end. */
  readonly last: ReconcileReport | undefined;
  /** Before it, newest first. */
  readonly before: readonly ReconcileRun[];
}

/** Null where no projector has recorded its settings yet. */
export async function readDecidingSettings(pool: Pool): Promise<DecidingSettings | null | undefined> {
  return await ifMigrated(async () => (await recordedSettings(pool)) ?? null);
}

const DECISIONS = sqlFile(import.meta.url, './sql/decisions.sql');
/** Counts the twins whose pair may still change, and those among them that are due and overdue to be settled. */
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
