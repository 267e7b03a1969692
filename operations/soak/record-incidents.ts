import { matchingOf } from '../../consumers/agent-test-history/twins/matching.ts';
import type { Config } from '../../lib/config.ts';
import { inTransaction, type Pool } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';

const RECORD = sqlFile(import.meta.url, './sql/record-incidents.sql');
/** Two who record at once take turns, so that no incident ends twice. */
const LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('history_cdc.incident', 0))";

export interface Recorded {
  readonly recorded: number;
  readonly ended: number;
}

/**
 * Records the incidents that the canonical database shows, and ends those that are over. It is one statement over what is
 * stored, so that it does not matter who calls it, how often, or what was missed in between.
 */
export async function recordIncidents(canonical: Pool, config: Config, by: string): Promise<Recorded> {
  const { settleAfterUs } = matchingOf(config);
  return await inTransaction(canonical, async (client) => {
    await client.query(LOCK);
    const values = [by, Math.ceil(Number(settleAfterUs) / 1_000_000)];
    const { rows } = await client.query<Recorded>(RECORD, values);
    return rows[0] ?? { recorded: 0, ended: 0 };
  });
}
