import type { Client } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { lsnOf } from './wal.ts';

/** The server of the legacy database: what a slot needs of it, and how our slot stands with it. */
export interface ServerFacts {
  readonly inRecovery: boolean;
  readonly encoding: string;
  readonly sendersAllowed: number;
  readonly sendersInUse: number;
  /** `max_slot_wal_keep_size` in MB; -1: no bound. */
  readonly capMegabytes: number;
  /** Of the settings that are judged, those that were given to the server at its start: ALTER SYSTEM does not change them. */
  readonly onCommandLine: readonly string[];
  readonly slot: SlotStanding | null;
  /** Bytes of WAL per second, on average; null where the server's statistics are too young to tell. */
  readonly averageWalRate: number | null;
  /** `idle_replication_slot_timeout`; 0: off; null before Postgres 18. */
  readonly idleTimeoutSeconds: number | null;
  /** Of `synchronized_standby_slots`; `served`: a standby reads it. */
  readonly standbySlots: readonly { readonly name: string; readonly served: boolean }[];
  /** Time limits as they stand for a session of the connector's role, as Postgres writes them; `0`: none. */
  readonly roleLimits: readonly { readonly name: string; readonly value: string }[];
}

export interface SlotStanding {
  readonly temporary: boolean;
  /** The position up to which the connector has confirmed; null before the first time. */
  readonly confirmed: string | null;
  readonly retainedBytes: number | null;
  /** Bytes of WAL until the server gives the slot up; null without a bound. */
  readonly bytesLeft: number | null;
  /** Whether it is carried over to a standby; null before Postgres 17. */
  readonly failover: boolean | null;
  /** Since nobody reads it; null where it is read, and before Postgres 17. */
  readonly inactiveSeconds: number | null;
  /** Why the server has given it up; null where it has not, and before Postgres 17. */
  readonly invalidated: string | null;
  /** The role that reads it now; null where nobody does. */
  readonly readBy: string | null;
}

export interface SessionFacts {
  readonly long: readonly {
    readonly pid: number;
    readonly role: string;
    readonly application: string;
    readonly state: string;
    readonly seconds: number;
  }[];
  /** Sessions of other roles of which nothing may be seen. */
  readonly hidden: number;
  readonly prepared: readonly {
    readonly gid: string;
    readonly database: string;
    readonly seconds: number;
  }[];
  /** Who asked. */
  readonly role: string;
}

/** Half an hour: no transaction of the application takes that long, and a snapshot of ours is told apart by its role. */
const LONG_TRANSACTION_SECONDS = 1_800;

const SERVER = sqlFile(import.meta.url, './sql/server.sql');
const SESSIONS = sqlFile(import.meta.url, './sql/sessions.sql');

/** One row with one column `facts`, as every statement of this folder gives; undefined where it gave no row. */
export async function askFacts<T>(client: Client, sql: string, values: unknown[]): Promise<T | undefined> {
  return (await client.query<{ facts: T }>(sql, values)).rows[0]?.facts;
}

export async function readServer(client: Client, slot: string, connectorRole: string): Promise<ServerFacts> {
  return certain(await askFacts<ServerFacts>(client, SERVER, [slot, connectorRole]));
}

export async function readSessions(
  client: Client,
  connectorRole: string,
  longSeconds = LONG_TRANSACTION_SECONDS,
): Promise<SessionFacts> {
  return certain(await askFacts<SessionFacts>(client, SESSIONS, [connectorRole, longSeconds]));
}

const RATE_OVER_MS = 1_500;

/** Bytes of WAL a second that the server writes now. */
export async function readWalRate(client: Client, pause: (ms: number) => Promise<void>): Promise<number> {
  const before = await position(client);
  await pause(RATE_OVER_MS);
  const after = await position(client);
  return (Number(lsnOf(after.lsn) - lsnOf(before.lsn)) * 1000) / (after.ms - before.ms);
}

const POSITION =
  'SELECT pg_current_wal_lsn()::text AS lsn, extract(epoch FROM clock_timestamp())::float8 * 1000 AS ms';

async function position(client: Client): Promise<{ lsn: string; ms: number }> {
  return certain((await client.query<{ lsn: string; ms: number }>(POSITION)).rows[0]);
}

export function certain<T>(facts: T | undefined): T {
  if (facts === undefined) throw new Error('the question to Postgres gave no row');
  return facts;
}
