import { inTransaction, type Pool } from '../../../lib/postgres.ts';
import { sqlFile } from '../../../lib/sql-file.ts';

const ERASE_SETTLED = sqlFile(import.meta.url, './sql/erase-settled.sql');
const DROP_RESTORED = sqlFile(import.meta.url, './sql/drop-restored.sql');
/** The maximum number of rows per sweep. The next sweep continues. */
const AT_ONCE = 1_000;

/**
 * Removes the content of parked records that were healed or waived `days` ago, and what `undo` kept of rows that were
 * decided again since. The accounting stays: a parked record keeps its key, position, reason, hash and size. Without
 * this, the quarantine would keep personal data for ever. Returns the number of rows.
 */
export async function eraseSettled(canonical: Pool, days: number): Promise<number> {
  return await inTransaction(canonical, async (client) => {
    const erased = await client.query(ERASE_SETTLED, [days, AT_ONCE]);
    const dropped = await client.query(DROP_RESTORED, [days, AT_ONCE]);
    return (erased.rowCount ?? 0) + (dropped.rowCount ?? 0);
  });
}
