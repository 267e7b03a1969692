import type { Client } from '../../../lib/postgres.ts';
import { isRowFault } from '../../../lib/postgres-errors.ts';

interface RowByRow<T, R> {
  readonly work: (items: readonly T[]) => Promise<R>;
  /** Called for the row that Postgres refuses, after the work on it was rolled back. */
  readonly refused: (item: T, error: unknown) => Promise<R>;
}

/**
 * Does work on rows inside a transaction. If Postgres refuses one of them, tries the halves until that row is alone.
 * Deferred constraints are checked at once, because at the COMMIT they would refuse all rows. Without this function,
 * one row that a constraint or a trigger of the application refuses would end a sweep or a command.
 */
export async function rowByRow<T, R>(
  client: Client,
  items: readonly T[],
  { work, refused }: RowByRow<T, R>,
): Promise<R[]> {
  if (items.length === 0) return [];
  await client.query('SAVEPOINT row_by_row');
  try {
    const done = await work(items);
    await client.query('SET CONSTRAINTS ALL IMMEDIATE');
    await client.query('RELEASE SAVEPOINT row_by_row');
    return [done];
  } catch (error) {
    if (!isRowFault(error)) throw error;
    await client.query('ROLLBACK TO SAVEPOINT row_by_row');
    const [only, ...others] = items;
    if (only !== undefined && others.length === 0) return [await refused(only, error)];
    const middle = Math.ceil(items.length / 2);
    const first = await rowByRow(client, items.slice(0, middle), { work, refused });
    return [...first, ...(await rowByRow(client, items.slice(middle), { work, refused }))];
  }
}
