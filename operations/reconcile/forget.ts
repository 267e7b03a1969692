import { inTransaction, type Pool } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';

const FORGET = sqlFile(import.meta.url, './sql/forget-findings.sql');

/** Finished runs that keep what they found, for as many days. */
const RUNS_KEPT = 10;
const DAYS_KEPT = 30;
const ROWS_AT_ONCE = 10_000;

/** Removes what old runs found, in short transactions; their verdicts stay. Gives how many findings are gone. */
export async function forgetOldFindings(canonical: Pool, rowsAtOnce = ROWS_AT_ONCE): Promise<number> {
  for (let total = 0; ;) {
    const { rowCount } = await inTransaction(canonical, (client) =>
      client.query(FORGET, [RUNS_KEPT, DAYS_KEPT, rowsAtOnce]),
    );
    total += rowCount ?? 0;
    if ((rowCount ?? 0) < rowsAtOnce) return total;
  }
}
