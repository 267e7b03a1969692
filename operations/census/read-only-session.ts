import { ownSession, type Client, type Pool } from '../../lib/postgres.ts';

/**
 * A statement over a large table may exceed the ordinary time limit; none of them holds anything up. JIT is off,
 * because compiling the look-up for each chunk would take longer than running it.
 */
const READ_ONLY = "SET default_transaction_read_only = on; SET statement_timeout = '15min'; SET jit = off";

/**
 * A session that can change nothing but its own temporary tables, which `prepare` creates first. At the end the session
 * is closed, and its settings and tables go with it.
 */
export async function withReadOnlySession<T, Prepared = undefined>(
  pool: Pool,
  prepare: ((client: Client) => Promise<Prepared>) | undefined,
  work: (client: Client, prepared: Prepared) => Promise<T>,
): Promise<T> {
  const client = await ownSession(pool);
  try {
    const prepared = (await prepare?.(client)) as Prepared;
    await client.query(READ_ONLY);
    return await work(client, prepared);
  } finally {
    client.release(true);
  }
}
