import assert from 'node:assert/strict';
import type { Client } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { FIND_SCRIPT_COPIES } from '../../consumers/agent-test-history/lookup/script-copies.ts';

const CREATE_RUNS = sqlFile(import.meta.url, './sql/create-runs.sql');
const FIND_LIVE_RUNS = sqlFile(import.meta.url, './sql/find-live-runs.sql');
const LIVE_WINDOW = sqlFile(import.meta.url, './sql/live-window.sql');

/** What the live path and the earlier script have already written into the canonical table. */
export interface LiveSide {
  /** First and last live row, as text; null if there is none. */
  readonly first: string | null;
  readonly last: string | null;
  readonly firstUs: bigint | null;
  readonly lastUs: bigint | null;
  readonly liveRows: number;
  readonly scriptCopies: number;
}

interface WindowRow {
  readonly first: string | null;
  readonly last: string | null;
  readonly first_us: string | null;
  readonly last_us: string | null;
  readonly live_rows: string;
}

export async function createRunTables(client: Client): Promise<void> {
  await client.query(CREATE_RUNS);
}

/**
 * Scans the canonical table three times, each scan a statement of its own, and stores the results in temporary tables.
 */
export async function readLiveSide(client: Client): Promise<LiveSide> {
  await client.query(FIND_LIVE_RUNS);
  const { rowCount: scriptCopies } = await client.query(FIND_SCRIPT_COPIES);
  // Temporary tables are not analysed automatically. Without statistics, the look-up of a chunk may read all copies.
  await client.query('ANALYZE history_cdc.script_copy; ANALYZE history_cdc.live_run');
  const { rows } = await client.query<WindowRow>(LIVE_WINDOW);
  const [row] = rows;
  assert(row !== undefined, 'an aggregate gave no row');
  return {
    first: row.first,
    last: row.last,
    firstUs: row.first_us === null ? null : BigInt(row.first_us),
    lastUs: row.last_us === null ? null : BigInt(row.last_us),
    liveRows: Number(row.live_rows),
    scriptCopies: scriptCopies ?? 0,
  };
}
