import { FatalError, messageOf } from '../../lib/errors.ts';
import { type Client } from '../../lib/postgres.ts';
import { sqlState } from '../../lib/postgres-errors.ts';
import { readMigrations } from '../../consumers/agent-test-history/schema/migrate.ts';

/** The functions that look-up, matching and trial need. A test compares them with those of the migrated schema. */
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
 * Creates the tables and functions of our schema as temporary objects of one session, all of them empty. So the census
 * needs no `migrate`, runs the projector's own statements, and predicts from scratch: an existing ledger cannot
 * influence it. Nobody else sees these objects, and they end with the session.
 */
export async function createTemporarySchema(client: Client): Promise<void> {
  const migrations = readMigrations().filter(({ name }) => NEEDED.has(name));
  try {
    // One message to Postgres is one transaction.
    await client.query(migrations.map(({ sql }) => temporary(sql)).join('\n'));
  } catch (error) {
    if (sqlState(error) !== INSUFFICIENT_PRIVILEGE) throw error;
    throw new FatalError({
      code: 'DATABASE_UNFIT',
      message: `the role of DATABASE_URL may not create temporary tables: ${messageOf(error)}`,
      wayOut: 'run GRANT TEMPORARY ON DATABASE for this role; the census writes nothing but temporary tables',
      cause: error,
    });
  }
}

/** Wraps the session for the projector's statements: names of our schema then mean the temporary objects. */
export function onTemporarySchema(client: Client): Client {
  const query = (text: string, values?: unknown[]) => client.query(temporary(text), values);
  return { query: query as Client['query'] };
}

function temporary(sql: string): string {
  return sql.replaceAll('history_cdc.', 'pg_temp.');
}
