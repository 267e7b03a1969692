import type { Client } from '../../lib/postgres.ts';
import { sqlState } from '../../lib/postgres-errors.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { lsnOf } from './wal.ts';

/** The server of the legacy database: who it is, and what a slot needs of it. */
export interface ServerFacts {
  readonly version: number;
  readonly database: string;
  readonly inRecovery: boolean;
  /** Of the cluster; null where the server keeps it to itself. */
  readonly system: string | null;
  /** Null on a standby. */
  readonly timeline: string | null;
  readonly encoding: string;
  readonly walLevel: string;
  readonly slotsAllowed: number;
  readonly slotsInUse: number;
  readonly sendersAllowed: number;
  readonly sendersInUse: number;
  /** `max_slot_wal_keep_size` in MB; -1: no bound. */
  readonly capMegabytes: number;
  /** Of the settings that are judged, those that were given to the server at its start: ALTER SYSTEM does not change them. */
  readonly onCommandLine: readonly string[];
  /** Bytes of WAL per second, on average; null where the server's statistics are too young to tell. */
  readonly averageWalRate: number | null;
  /** `idle_replication_slot_timeout`; 0: off; null before Postgres 18. */
  readonly idleTimeoutSeconds: number | null;
  /** Of `synchronized_standby_slots`; `served`: a standby reads it. */
  readonly standbySlots: readonly { readonly name: string; readonly served: boolean }[];
  /** Time limits as they stand for a session of the connector's role, as Postgres writes them; `0`: none. */
  readonly roleLimits: readonly { readonly name: string; readonly value: string }[];
}

export interface SlotFacts {
  readonly name: string;
  /** Null: it is physical. */
  readonly plugin: string | null;
  readonly database: string | null;
  readonly temporary: boolean;
  readonly active: boolean;
  readonly walStatus: string | null;
  /** The position up to which the connector has confirmed; null before the first time. */
  readonly confirmed: string | null;
  /** Bytes of WAL behind that position. */
  readonly lagBytes: number | null;
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

export interface PublicationFacts {
  readonly allTables: boolean;
  /** schema.table, sorted. */
  readonly tables: readonly string[];
  /** `publish_via_partition_root`: the changes of partitions come under the name of the partitioned table. */
  readonly viaRoot: boolean;
  readonly everyOperation: boolean;
  /** A row filter or a column list leaves changes out. */
  readonly narrowed: boolean;
  /** Whether it publishes agent_test_history, and whether a row filter or a column list leaves changes of it out. */
  readonly ofTable: boolean;
  readonly tableNarrowed: boolean;
  /** One text that differs once the publication was made again, or publishes our table otherwise. */
  readonly identity: string;
}

/** How much is written at the moment. */
export interface WriteFacts {
  /** Rows of the legacy table that were ever written, by its statistics; rows that were rolled back count, too. */
  readonly changes: string | null;
  /** No transaction that has begun by now has this id or a later one; null on a standby. */
  readonly xmax: string | null;
}

/** What a snapshot may burden; null where the role may not see it. */
export interface LoadFacts {
  readonly replication_lag_seconds: number | null;
  readonly active_sessions: number | null;
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
const SLOT = sqlFile(import.meta.url, './sql/slot.sql');
const PUBLICATION = sqlFile(import.meta.url, './sql/publication.sql');
const SESSIONS = sqlFile(import.meta.url, './sql/sessions.sql');
const LOAD = sqlFile(import.meta.url, './sql/load.sql');
const SYSTEM = 'SELECT system_identifier::text AS id FROM pg_control_system()';
const WRITES = `
  SELECT (SELECT (n_tup_ins + n_tup_upd + n_tup_del)::text FROM pg_stat_all_tables
          WHERE schemaname = 'public' AND relname = 'agent_test_history') AS changes,
         CASE WHEN NOT pg_is_in_recovery() THEN pg_snapshot_xmax(pg_current_snapshot())::text END AS xmax`;
const INSUFFICIENT_PRIVILEGE = '42501';

/** One row with one column `facts`, as every statement of this folder gives; undefined where it gave no row. */
export async function askFacts<T>(client: Client, sql: string, values: unknown[]): Promise<T | undefined> {
  return (await client.query<{ facts: T }>(sql, values)).rows[0]?.facts;
}

export async function readServer(client: Client, connectorRole: string): Promise<ServerFacts> {
  const facts = certain(await askFacts<Omit<ServerFacts, 'system'>>(client, SERVER, [connectorRole]));
  return { ...facts, system: await systemOf(client) };
}

async function systemOf(client: Client): Promise<string | null> {
  try {
    return (await client.query<{ id: string }>(SYSTEM)).rows[0]?.id ?? null;
  } catch (error) {
    if (sqlState(error) === INSUFFICIENT_PRIVILEGE) return null;
    throw error;
  }
}

/** Null where there is none. */
export async function readSlot(client: Client, name: string): Promise<SlotFacts | null> {
  return (await askFacts<SlotFacts>(client, SLOT, [name])) ?? null;
}

/** Null where there is none. */
export async function readPublication(client: Client, name: string): Promise<PublicationFacts | null> {
  return (await askFacts<PublicationFacts>(client, PUBLICATION, [name])) ?? null;
}

export async function readWrites(client: Client): Promise<WriteFacts> {
  return certain((await client.query<WriteFacts>(WRITES)).rows[0]);
}

export async function readLoad(client: Client): Promise<LoadFacts> {
  return certain((await client.query<LoadFacts>(LOAD)).rows[0]);
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

const UNDEFINED_TABLE = '42P01';

/** Undefined where the schema history_cdc is not there, or is of a release that lacks the table. */
export async function ifMigrated<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (sqlState(error) === UNDEFINED_TABLE) return undefined;
    throw error;
  }
}
