import assert from 'node:assert/strict';
import type { Client } from './postgres.ts';

/**
 * Takes locks, and then reads what they protect, without waiting for the answer in between: Postgres carries out the statements
 * of a connection in the order in which they were sent, and under READ COMMITTED the read sees what was committed before
 * the locks were held. `lock` must send its statements at once, on the client that it is given, which is asserted. In the other
 * order, a batch would decide by what another transaction is just changing.
 */
export async function lockThenRead<L, R>(
  client: Client,
  lock: (client: Client) => Promise<L>,
  read: () => Promise<R>,
): Promise<[L, R]> {
  let sent = 0;
  const query = (...statement: [string, unknown[]]) => {
    sent++;
    return client.query(...statement);
  };
  const locking = lock({ query } as unknown as Client);
  assert(sent > 0, 'the locks were not asked for before what they protect was read');
  return await Promise.all([locking, read()]);
}
