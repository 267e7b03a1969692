import { missingColumns, LEGACY_TABLES } from '../../consumers/agent-test-history/schema/requirements.ts';
import { type Client } from '../../lib/postgres.ts';
import { sqlState } from '../../lib/postgres-errors.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { certain } from './postgres.ts';

export interface LegacyTable {
  /** Tables and columns, as a sentence names them. */
  readonly missing: readonly string[];
  /** Columns that we read and Postgres generates: pgoutput leaves them out of the stream. */
  readonly generated: readonly string[];
  /** Of our two tables: `schema.table.column`. */
  readonly missingOfOurs: readonly string[];
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

export async function readLegacyTable(client: Client): Promise<LegacyTable> {
  return {
    missing: await missingColumns(client, LEGACY_TABLES),
    generated: (await client.query<{ name: string }>(GENERATED, [LEGACY_TABLES.agent_test_history])).rows.map(
      ({ name }) => name,
    ),
    missingOfOurs: await missingOfOurs(client),
  };
}

const GENERATED = `
  SELECT attname AS name FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = 'public' AND c.relname = 'agent_test_history' AND a.attgenerated <> '' AND a.attname = ANY ($1::text[])
  ORDER BY 1`;

/** By the catalogue: to_regclass would demand USAGE on the schema. */
const OUR_COLUMNS = `
  SELECT w.table_name, w.column_name FROM unnest($1::text[], $2::text[]) AS w (table_name, column_name)
  JOIN pg_namespace n ON n.nspname = 'history_cdc_source'
  JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.table_name
  WHERE NOT EXISTS (SELECT FROM pg_attribute a
                    WHERE a.attrelid = c.oid AND a.attname = w.column_name AND NOT a.attisdropped)`;

/** Columns that a table of ours lacks; a table that is not there at all lacks none here. */
async function missingOfOurs(client: Client): Promise<string[]> {
  const wanted = Object.entries(OUR_TABLES).flatMap(([table, columns]) =>
    columns.map((column) => ({ table, column })),
  );
  const { rows } = await client.query<{ table_name: string; column_name: string }>(OUR_COLUMNS, [
    wanted.map(({ table }) => table),
    wanted.map(({ column }) => column),
  ]);
  return rows.map(({ table_name, column_name }) => `history_cdc_source.${table_name}.${column_name}`);
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
const UNDEFINED_TABLE = '42P01';

export async function readHeartbeatRow(client: Client): Promise<HeartbeatRow> {
  try {
    const row = (await client.query<{ seconds: number }>(HEARTBEAT)).rows[0];
    return row === undefined ? { kind: 'no_row' } : { kind: 'row', secondsAgo: row.seconds };
  } catch (error) {
    if (sqlState(error) === UNDEFINED_TABLE) return { kind: 'no_table' };
    throw error;
  }
}
