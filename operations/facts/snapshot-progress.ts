import type { Client } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import type { StoredSnapshot } from './connect.ts';
import { conditionIn, type KnownSignals } from './signals.ts';
import type { SnapshotRun } from './snapshot-runs.ts';

export interface SnapshotProgress {
  /** Null where it cannot be counted: nothing was read yet, or the condition is not known. */
  readonly rowsDone: number | null;
  readonly rowsTotal: number | null;
  /** Over the last chunks; null while it stands, or with less than two of them. */
  readonly rowsPerSecond: number | null;
  readonly secondsLeft: number | null;
}

export interface Counted {
  readonly done: number;
  /** Of them, behind the first of the last steps. */
  readonly lately: number;
}

const ROWS_DONE = sqlFile(import.meta.url, './sql/rows-done.sql');

/**
 * How much lies up to the last key that Debezium has read. Its own number of chunks begins anew when its task does, and
 * its number of rows leaves out what was read before (seen with 3.7.0: 183,616 of 200,000): so the whole table is counted
 * by its index. A condition of somebody's is never run here, with rights that its author may not have: there, the share
 * of the chunks must do.
 */
async function countDone(
  legacy: Client,
  run: SnapshotRun,
  condition: string | null | undefined,
): Promise<Counted | undefined> {
  const { last } = run;
  if (last === null) return undefined;
  const first = run.steps[0] ?? last;
  if (condition === null) {
    return (await legacy.query<Counted>(ROWS_DONE, [last.lastKey, first.lastKey])).rows[0];
  }
  const ids = condition === undefined ? undefined : idsIn(condition);
  // The texts of lower-case UUIDs sort as Postgres sorts them.
  if (ids !== undefined) {
    const done = ids.filter((id) => id <= last.lastKey);
    return { done: done.length, lately: done.filter((id) => id > first.lastKey).length };
  }
  const rows = (share: number) => Math.round(share * (run.rowsTotal ?? 0));
  return { done: rows(last.share), lately: Math.max(0, rows(last.share) - rows(first.share)) };
}

const ONLY_IDS = /^\(id IN \(('[0-9a-f-]{36}'(, '[0-9a-f-]{36}')*)\)\)$/;

/** The ids of a condition that asks for ids and nothing else, as `conditionOf` writes it; undefined for any other. */
export function idsIn(condition: string): string[] | undefined {
  return ONLY_IDS.exec(condition)?.[1]
    ?.split(', ')
    .map((quoted) => quoted.slice(1, -1));
}

interface Asked {
  readonly run: SnapshotRun | undefined;
  readonly stored: StoredSnapshot | null | undefined;
  readonly signals: KnownSignals | undefined;
}

export async function askProgress(legacy: Client, { run, ...known }: Asked): Promise<Counted | undefined> {
  if (run === undefined || run.state === 'succeeded') return undefined;
  return await countDone(legacy, run, conditionOfRun(run, known));
}

/** Which rows: null are all of them; undefined where that is not known. By Connect while it runs, by its signal afterwards. */
export function conditionOfRun(
  run: SnapshotRun,
  { stored, signals }: Omit<Asked, 'run'>,
): string | null | undefined {
  if (stored?.id === run.id) return stored.condition;
  const signal = signals?.asked.find(({ id }) => id === run.id);
  return signal === undefined ? undefined : conditionIn(signal);
}

export function progressOf(run: SnapshotRun, counted: Counted | undefined, nowMs: number): SnapshotProgress {
  const { rowsTotal } = run;
  if (run.state === 'succeeded') {
    return { rowsDone: rowsTotal ?? 0, rowsTotal: rowsTotal ?? 0, rowsPerSecond: null, secondsLeft: null };
  }
  const rowsDone = counted?.done ?? null;
  const rowsPerSecond = run.state === 'running' ? paceOf(run, counted, nowMs) : null;
  const left = rowsTotal === null || rowsDone === null ? null : Math.max(0, rowsTotal - rowsDone);
  const secondsLeft =
    left === null || rowsPerSecond === null || rowsPerSecond === 0 ? null : Math.ceil(left / rowsPerSecond);
  return { rowsDone, rowsTotal, rowsPerSecond, secondsLeft };
}

/** Up to now where the next chunk is late: a pace that stands still must not go on looking well. */
function paceOf({ steps }: SnapshotRun, counted: Counted | undefined, nowMs: number): number | null {
  const [first, last] = [steps[0], steps.at(-1)];
  if (counted === undefined || first === undefined || last === undefined || steps.length < 2) return null;
  const chunkMs = (last.atMs - first.atMs) / (steps.length - 1);
  const untilMs = nowMs - last.atMs > 3 * chunkMs ? nowMs : last.atMs;
  return untilMs === first.atMs ? null : Math.round((counted.lately * 1000) / (untilMs - first.atMs));
}
