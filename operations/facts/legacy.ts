import { missingColumns, LEGACY_TABLES } from '../../consumers/agent-test-history/schema/requirements.ts';
import { type Client } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import type { Sql } from '../../lib/quoting.ts';
import { askFacts, certain, ifMigrated } from './postgres.ts';

/** The table agent_test_history. */
export interface LegacyTable {
  readonly there: boolean;
  /** As Postgres keeps it: d(efault), n(othing), f(ull), i(ndex); null where there is no table. */
  readonly replicaIdentity: string | null;
  /** Of the primary key, sorted; empty where there is none. */
  readonly keyColumns: readonly string[];
  readonly partitioned: boolean;
  /** Tables that inherit from it, `schema.table`, quoted: their rows are streamed under their own names. */
  readonly inheriting: readonly Sql[];
  /** Tables and columns that we read and that are not there, as a sentence names them. */
  readonly missing: readonly string[];
  /** Columns that we read and Postgres generates: pgoutput leaves them out of the stream. */
  readonly generated: readonly string[];
}

/** Signal and heartbeat table. */
export type OurTables = Readonly<Record<keyof typeof OUR_TABLES, OurTable>>;
interface OurTable {
  readonly there: boolean;
  /** Columns that it lacks; all of them where the table is not there. */
  readonly missing: readonly string[];
}

export interface LargestRow {
  readonly bytes: number;
  /** Percent of the table that was looked at. */
  readonly sample: number;
}

/** The heartbeat row as the table has it. */
export type HeartbeatRow =
  | { readonly kind: 'no_table' }
  | { readonly kind: 'no_row' }
  | { readonly kind: 'row'; readonly secondsAgo: number };

const OUR_TABLES = {
  signal: ['id', 'type', 'data'],
  heartbeat: ['id', 'beat', 'counter'],
} as const;

const LEGACY_TABLE = sqlFile(import.meta.url, './sql/legacy-table.sql');
const OUR_TABLES_SQL = sqlFile(import.meta.url, './sql/our-tables.sql');

export async function readLegacyTable(client: Client): Promise<LegacyTable> {
  const facts = await askFacts<Omit<LegacyTable, 'missing'>>(client, LEGACY_TABLE, [
    LEGACY_TABLES.agent_test_history,
  ]);
  return { ...certain(facts), missing: await missingColumns(client, LEGACY_TABLES) };
}

export async function readOurTables(client: Client): Promise<OurTables> {
  const wanted = Object.entries(OUR_TABLES).flatMap(([table, columns]) =>
    columns.map((column) => [table, column] as const),
  );
  const { rows } = await client.query<OurTable & { readonly table: string }>(OUR_TABLES_SQL, [
    wanted.map(([table]) => table),
    wanted.map(([, column]) => column),
  ]);
  return Object.fromEntries(rows.map(({ table, ...found }) => [table, found])) as unknown as OurTables;
}

const PAGES = `SELECT relpages FROM pg_class WHERE oid = 'public.agent_test_history'::regclass`;
const LARGEST = sqlFile(import.meta.url, './sql/largest-row.sql');
/** 512 MB of pages: some seconds at worst. */
const MAX_PAGES = 65_536;

export async function readLargestRow(client: Client): Promise<LargestRow> {
  const { relpages } = certain((await client.query<{ relpages: number }>(PAGES)).rows[0]);
  const sample = relpages <= MAX_PAGES ? 100 : Math.max(0.01, (100 * MAX_PAGES) / relpages);
  const { bytes } = certain((await client.query<{ bytes: string }>(LARGEST, [sample])).rows[0]);
  return { bytes: Number(bytes), sample };
}

const HEARTBEAT =
  'SELECT extract(epoch FROM clock_timestamp() - beat)::float8 AS seconds FROM history_cdc_source.heartbeat WHERE id = 1';

export async function readHeartbeatRow(client: Client): Promise<HeartbeatRow> {
  const found = await ifMigrated(async () => await client.query<{ seconds: number }>(HEARTBEAT));
  if (found === undefined) return { kind: 'no_table' };
  const [row] = found.rows;
  return row === undefined ? { kind: 'no_row' } : { kind: 'row', secondsAgo: row.seconds };
}
