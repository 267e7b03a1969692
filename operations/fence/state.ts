import type { Client } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { REFUSE } from './script.ts';

const STATE = sqlFile(import.meta.url, './sql/state.sql');
const RECORDED = sqlFile(import.meta.url, './sql/recorded.sql');
const HOLES = sqlFile(import.meta.url, './sql/holes.sql');
const DEPENDENTS = sqlFile(import.meta.url, './sql/dependents.sql');
const HOLDERS = sqlFile(import.meta.url, './sql/holders.sql');

/** What the fence has noted of itself, in the legacy database. */
export interface RecordedFence {
  readonly id: string;
  /** By the clock of the legacy database. */
  readonly fencedAt: Date;
  readonly fencedSeconds: number;
  /** The role that had logged in. */
  readonly fencedBy: string;
  /** Every row that was written before the fence has a smaller transaction id, every later one a larger. */
  readonly xid: string;
  /** The table that it stands around, by its identity. */
  readonly tableOid: string;
  /** When `retire drop` dropped the table, in the transaction of the drop. */
  readonly droppedAt: Date | null;
}

/** The table and its fence, as they are now. */
export interface FenceState {
  /** Null: there is no such table. */
  readonly tableOid: string | null;
  readonly tableOwner: string | null;
  /** Null: no fence was built, or it was taken away. */
  readonly fence: RecordedFence | null;
  /** What is missing of it, or was changed since; empty if it is whole. */
  readonly holes: readonly string[];
}

/** Reads only. Every role that may connect to the legacy database may ask. */
export async function readFence(legacy: Client): Promise<FenceState> {
  const { rows } = await legacy.query<{
    table_oid: string | null;
    table_owner: string | null;
    is_there: boolean;
  }>(STATE);
  const { table_oid: tableOid = null, table_owner: tableOwner = null, is_there = false } = rows[0] ?? {};
  const fence = is_there ? ((await legacy.query<RecordedFence>(RECORDED)).rows[0] ?? null) : null;
  if (fence === null || tableOid === null) return { tableOid, tableOwner, fence, holes: [] };
  const found = await legacy.query<{ hole: string }>(HOLES, [REFUSE]);
  const holes = found.rows.map(({ hole }) => hole);
  if (fence.tableOid !== tableOid) holes.push('the table is another one than was fenced');
  return { tableOid, tableOwner, fence, holes };
}

/** True if the fence stands around the table that is there, and nothing of it is missing. */
export function isFenced({ fence, holes, tableOid }: FenceState): boolean {
  return tableOid !== null && fence !== null && holes.length === 0;
}

/** A lock on the table, or on a partition of it. */
export interface LockHolder {
  /** Null of a prepared transaction, which has no session. */
  readonly pid: number | null;
  readonly role: string | null;
  readonly application: string | null;
  readonly state: string | null;
  readonly mode: string;
  readonly granted: boolean;
  /** Since when its transaction runs; null where that is hidden from our role. */
  readonly since: Date | null;
  /** The name of the prepared transaction. */
  readonly prepared: string | null;
}

/** Who holds or awaits a lock; `onlyWriters` leaves out those that the fence does not wait for. */
export async function lockHolders(
  legacy: Client,
  { onlyWriters = false } = {},
): Promise<readonly LockHolder[]> {
  return (await legacy.query<LockHolder>(HOLDERS, [onlyWriters])).rows;
}

export function describeHolder({ pid, role, application, mode, since, prepared }: LockHolder): string {
  const who =
    prepared === null
      ? `pid ${String(pid)} (${role ?? 'a server process'}${application ? `, ${application}` : ''})`
      : `the prepared transaction ${prepared} (${role ?? '?'})`;
  return `${who} has ${mode}${since === null ? '' : ` since ${since.toISOString()}`}`;
}

/** What keeps `DROP TABLE … RESTRICT` from going through, as Postgres describes it. */
export async function dependentsOf(legacy: Client): Promise<readonly string[]> {
  return (await legacy.query<{ object: string }>(DEPENDENTS)).rows.map(({ object }) => object);
}
