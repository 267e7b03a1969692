import type { Client } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { certain } from '../facts/postgres.ts';

/** What the live path has written, by the times of its rows that are not in the future. */
export interface LivePath {
  readonly first: Date | null;
  readonly last: Date | null;
  /** Rows that are dated in the future. */
  readonly inFuture: number;
  /** Projected rows wait for the sweep that says whether the live path should have recorded them. */
  readonly unnamed: boolean;
}

const LIVE_PATH = sqlFile(import.meta.url, './sql/live-path.sql');

export async function readLivePath(client: Client): Promise<LivePath> {
  return certain((await client.query<LivePath>(LIVE_PATH)).rows[0]);
}
