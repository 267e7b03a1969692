import type { Client } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import type { Coverage } from '../checks/snapshot.ts';

const LEGACY_IDS = sqlFile(import.meta.url, './sql/legacy-ids.sql');
const WITHOUT_DECISION = sqlFile(import.meta.url, './sql/without-decision.sql');
const STILL_THERE = sqlFile(import.meta.url, './sql/still-there.sql');

interface Databases {
  readonly legacy: Client;
  readonly canonical: Client;
}

interface CoverageOptions {
  readonly chunkRows?: number;
  /** The maximum number of ids that are kept and checked again. Further ids are only counted. */
  readonly kept?: number;
  readonly onProgress?: (rows: number) => void;
}

const CHUNK_ROWS = 10_000;
/** `snapshot start --missing` reads at most this many rows by id. 100,000 ids take 4 MB. */
export const KEPT = 100_000;

/**
 * Finds legacy rows without a decision. It compares the keys of table and ledger in chunks, each with short statements,
 * so the two may be in different databases. Missing rows are checked again at the end, because new rows need a moment
 * until they are projected, and deleted rows need no decision.
 */
export async function coverage(databases: Databases, options: CoverageOptions = {}): Promise<Coverage> {
  const { chunkRows = CHUNK_ROWS, kept = KEPT, onProgress } = options;
  const missing: string[] = [];
  let [legacyRows, beyond] = [0, 0];
  for (let after: string | null = null; ;) {
    const stretch: string[] = await idsOf(databases.legacy, LEGACY_IDS, [after, chunkRows]);
    after = stretch.at(-1) ?? null;
    if (after === null) break;
    legacyRows += stretch.length;
    const found = await idsOf(databases.canonical, WITHOUT_DECISION, [stretch]);
    const room = found.slice(0, kept - missing.length);
    missing.push(...room);
    beyond += found.length - room.length;
    onProgress?.(legacyRows);
    if (stretch.length < chunkRows) break;
  }
  const ids = await stillMissing(databases, missing, chunkRows);
  return { legacyRows, uncovered: ids.length + beyond, ids };
}

async function stillMissing(
  { legacy, canonical }: Databases,
  ids: readonly string[],
  chunkRows: number,
): Promise<string[]> {
  const confirmed: string[] = [];
  for (let start = 0; start < ids.length; start += chunkRows) {
    const there = await idsOf(legacy, STILL_THERE, [ids.slice(start, start + chunkRows)]);
    confirmed.push(...(await idsOf(canonical, WITHOUT_DECISION, [there])));
  }
  return confirmed;
}

async function idsOf(client: Client, statement: string, values: readonly unknown[]): Promise<string[]> {
  return (await client.query<{ id: string }>(statement, [...values])).rows.map(({ id }) => id);
}
