import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import type { Client } from '../../../lib/postgres.ts';
import { sqlFile } from '../../../lib/sql-file.ts';

/** A scrape, or the end of a projector, waits at most this long for Postgres. */
const WITHIN_MS = 1_000;
const UNHEALED = sqlFile(import.meta.url, './sql/unhealed.sql');

/** Records in quarantine. Every report names both numbers, even if they are 0, so that no waiver is forgotten. */
export interface Unhealed {
  /** Records that wait for a person. */
  readonly open: number;
  /** Records that a person has waived, with a name and a reason. */
  readonly waived: number;
}

/** Counts the records in quarantine now. */
export async function countUnhealed(client: Client): Promise<Unhealed> {
  const { rows } = await client.query<Unhealed>(UNHEALED);
  const [counts] = rows;
  assert(counts !== undefined, 'an aggregate gave no row');
  return counts;
}

/** The same for callers that cannot wait: null if Postgres does not answer in time. */
export async function countUnhealedSoon(client: Client): Promise<Unhealed | null> {
  return await Promise.race([
    countUnhealed(client).catch(() => null),
    setTimeout(WITHIN_MS, null, { ref: false }),
  ]);
}
