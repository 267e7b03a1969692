import { inTransaction, type Pool } from '../../../lib/postgres.ts';
import { sqlFile } from '../../../lib/sql-file.ts';

const ERASE_SETTLED = sqlFile(import.meta.url, './sql/erase-settled.sql');
const DROP_RESTORED = sqlFile(import.meta.url, './sql/drop-restored.sql');
/** Rows of one statement; the next sweep takes the next ones. */
const AT_ONCE = 1_000;

/**
 * Removes what is not needed any more: the content of parked records that were healed or waived `days` ago, and what `undo`
 * kept of rows that were decided again since. It guarantees that the accounting stays: a parked record keeps its row, with
 * key, position, reason, hash and size. Without it, the quarantine keeps personal data for ever. Gives the number of rows.
 */
export async function eraseSettled(canonical: Pool, days: number): Promise<number> {
  return await inTransaction(canonical, async (client) => {
    const erased = await client.query(ERASE_SETTLED, [days, AT_ONCE]);
    const dropped = await client.query(DROP_RESTORED, [days, AT_ONCE]);
    return (erased.rowCount ?? 0) + (dropped.rowCount ?? 0);
  });
}
