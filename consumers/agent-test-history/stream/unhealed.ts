import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import type { Client } from '../../../lib/postgres.ts';
import { sqlFile } from '../../../lib/sql-file.ts';

/** A scrape, or the end of a projector, does not wait longer for a Postgres that is away. */
const WITHIN_MS = 1_000;
const UNHEALED = sqlFile(import.meta.url, './sql/unhealed.sql');

/** Records in quarantine: every report names both numbers, also where they are 0, so that no waiver is ever forgotten. */
export interface Unhealed {
  /** Waiting for a person. */
  readonly open: number;
  /** Given up by a person, with a name and a reason. */
  readonly waived: number;
}

/** As the database has it now. */
export async function countUnhealed(client: Client): Promise<Unhealed> {
  const { rows } = await client.query<Unhealed>(UNHEALED);
  const [counts] = rows;
  assert(counts !== undefined, 'an aggregate gave no row');
  return counts;
}

/** The same for whoever cannot wait: null where Postgres does not answer, or not in time. */
export async function countUnhealedSoon(client: Client): Promise<Unhealed | null> {
  return await Promise.race([
    countUnhealed(client).catch(() => null),
    setTimeout(WITHIN_MS, null, { ref: false }),
  ]);
}
