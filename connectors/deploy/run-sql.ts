import pg from 'pg';
import { FatalError, messageOf } from '../../lib/errors.ts';

/**
 * Runs the DBA's script in one transaction. It returns the script's notices. It calls `onWarning` for each warning: a
 * warning names a step that the script leaves to another role.
 */
export async function runSourceSql(
  databaseUrl: string,
  sql: string,
  onWarning: (message: string) => void = () => undefined,
): Promise<string[]> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    application_name: 'history-cdc connector sql',
    connectionTimeoutMillis: 10_000,
    // While the script waits for a lock, other sessions wait behind it. So it gives up early.
    options: '-c lock_timeout=10s',
  });
  const notices: string[] = [];
  client.on('notice', ({ severity, message = '' }) => {
    notices.push(message);
    if (severity === 'WARNING') onWarning(message);
  });
  try {
    await client.connect();
    await client.query(`BEGIN;\n${sql}\nCOMMIT;`);
    return notices;
  } catch (error) {
    throw new FatalError({
      code: 'DATABASE_UNFIT',
      // Postgres's own text may be shown: the script reads no row, so the text cannot contain a value of one.
      message: `the script did not run, and nothing of it was done: ${error instanceof Error ? error.message : messageOf(error)}`,
      wayOut:
        'each part of the script says who may run it: `history-cdc connector sql` prints it, with --part one part of it',
      cause: error,
    });
  } finally {
    await client.end().catch(() => undefined);
  }
}
