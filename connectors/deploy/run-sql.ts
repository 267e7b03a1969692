import pg from 'pg';
import { FatalError, messageOf } from '../../consumers/lib/errors.ts';

/**
 * Runs the DBA's script in one transaction: all of it or nothing. Gives what the script said it did.
 */
export async function runSourceSql(databaseUrl: string, sql: string): Promise<string[]> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    application_name: 'history-cdc connector sql',
    connectionTimeoutMillis: 10_000,
    // Nobody should wait long behind a lock that this script waits for.
    options: '-c lock_timeout=10s',
  });
  const notices: string[] = [];
  client.on('notice', ({ message }) => notices.push(message ?? ''));
  try {
    await client.connect();
    await client.query(`BEGIN;\n${sql}\nCOMMIT;`);
    return notices;
  } catch (error) {
    throw new FatalError({
      code: 'DATABASE_UNFIT',
      message: `the script did not run, and nothing of it was done: ${messageOf(error)}`,
      wayOut:
        'each part of the script says who may run it: `history-cdc connector sql` prints it, with --part one part of it',
      cause: error,
    });
  } finally {
    await client.end().catch(() => undefined);
  }
}
