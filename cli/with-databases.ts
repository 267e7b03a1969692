import { assertMigrated } from '../consumers/agent-test-history/schema/migrate.ts';
import {
  assertFit,
  CANONICAL_TABLES,
  LEGACY_TABLES,
} from '../consumers/agent-test-history/schema/requirements.ts';
import { assertNotRetired } from '../consumers/agent-test-history/schema/retired.ts';
import { FatalError } from '../lib/errors.ts';
import { createPool } from '../lib/postgres.ts';
import { connectDatabases, type Databases } from '../operations/requests/databases.ts';
import type { CommandContext } from './context.ts';

export type { Databases };

/** Connects both databases while a command runs. Refuses a ledger that is not of this release. */
export async function withDatabases<T>(
  context: CommandContext,
  command: string,
  work: (databases: Databases) => Promise<T>,
): Promise<T> {
  return await connected(context, command, async (databases) => {
    await assertMigrated(databases.canonical);
    return await work(databases);
  });
}

/** The same for a command that may run before `migrate`. */
export async function withUnmigrated<T>(
  context: CommandContext,
  command: string,
  work: (databases: Databases) => Promise<T>,
): Promise<T> {
  return await connected(context, command, async (databases) => {
    await assertTables(databases);
    return await work(databases);
  });
}

/** Refuses databases that lack a column which the comparison of whole tables reads. */
export async function assertTables({ canonical, legacy }: Databases): Promise<void> {
  await assertNotRetired(canonical);
  await assertFit(canonical, CANONICAL_TABLES, 'DATABASE_URL');
  await assertFit(legacy, LEGACY_TABLES, 'LEGACY_DATABASE_URL');
}

async function connected<T>(
  context: CommandContext,
  command: string,
  work: (databases: Databases) => Promise<T>,
): Promise<T> {
  return await connectDatabases(context.config(['DATABASE_URL', 'LEGACY_DATABASE_URL']), command, work);
}

/**
 * For a command that shows what stands: throws TABLE_RETIRED if the table is gone on purpose. A database that does not answer is the
 * command's own to report.
 */
export async function assertNotRetiredAt(url: string | undefined, command: string): Promise<void> {
  if (url === undefined) return;
  const canonical = createPool({ url, name: `history-cdc ${command}`, connections: 1 });
  try {
    await assertNotRetired(canonical);
  } catch (error) {
    if (error instanceof FatalError && error.code === 'TABLE_RETIRED') throw error;
  } finally {
    await canonical.end();
  }
}
