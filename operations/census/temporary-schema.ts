import { FatalError, messageOf } from '../../lib/errors.ts';
import { type Client } from '../../lib/postgres.ts';
import { sqlState } from '../../lib/postgres-errors.ts';
import { readMigrations } from '../../consumers/agent-test-history/schema/migrate.ts';

/** What the look-up, the matching and the trial stand on; a test holds the functions against those of the migrated schema. */
const NEEDED = new Set([
  '0001-ledger.sql',
  '0002-twins.sql',
  '0003-storyboards.sql',
  '0004-listed-agents.sql',
  '0008-undone.sql',
  '0011-content-hash.sql',
  '0013-own-rows.sql',
  '0017-application-machinery.sql',
  '0019-key-changes.sql',
  '0022-texts.sql',
  '0029-forgotten.sql',
]);

const INSUFFICIENT_PRIVILEGE = '42501';

/**
 * Makes the tables and functions of our schema anew as temporary objects of one session, all of them empty. So the
 * census needs no `migrate`, runs the projector's own statements, and predicts from scratch: what a ledger says that
 * is there already cannot reach it. Nothing of it is visible to anybody else, and it is gone with the session.
 */
export async function createTemporarySchema(client: Client): Promise<void> {
  const migrations = readMigrations().filter(({ name }) => NEEDED.has(name));
  try {
    // One message is one transaction.
    await client.query(migrations.map(({ sql }) => temporary(sql)).join('\n'));
  } catch (error) {
    if (sqlState(error) !== INSUFFICIENT_PRIVILEGE) throw error;
    throw new FatalError({
      code: 'DATABASE_UNFIT',
      message: `the role of DATABASE_URL may make no temporary tables: ${messageOf(error)}`,
      wayOut: 'GRANT TEMPORARY ON DATABASE to it; nothing but temporary tables is written',
      cause: error,
    });
  }
}

/** The session, for statements of the projector: they meet the temporary objects where they name ours. */
export function onTemporarySchema(client: Client): Client {
  const query = (text: string, values?: unknown[]) => client.query(temporary(text), values);
  return { query: query as Client['query'] };
}

function temporary(sql: string): string {
  return sql.replaceAll('history_cdc.', 'pg_temp.');
}
