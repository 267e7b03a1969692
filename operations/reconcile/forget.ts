import { inTransaction, type Pool } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';

const FORGET = sqlFile(import.meta.url, './sql/forget-findings.sql');

/** This many finished runs keep their findings, for this many days. */
const RUNS_KEPT = 10;
const DAYS_KEPT = 30;
const ROWS_AT_ONCE = 10_000;

/**
 * Removes the findings of old runs in short transactions. Their verdicts stay. Returns the number of removed findings.
 */
export async function forgetOldFindings(canonical: Pool, rowsAtOnce = ROWS_AT_ONCE): Promise<number> {
  for (let total = 0; ;) {
    const { rowCount } = await inTransaction(canonical, (client) =>
      client.query(FORGET, [RUNS_KEPT, DAYS_KEPT, rowsAtOnce]),
    );
    total += rowCount ?? 0;
    if ((rowCount ?? 0) < rowsAtOnce) return total;
  }
}
