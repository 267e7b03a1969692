import { assertMigrated } from '../consumers/agent-test-history/schema/migrate.ts';
import {
  assertBothWhole,
  assertFit,
  CANONICAL_TABLES,
  LEGACY_TABLES,
} from '../consumers/agent-test-history/schema/requirements.ts';
import { assertNotRetired } from '../consumers/agent-test-history/schema/retired.ts';
import type { ConfigWith } from '../lib/config.ts';
import { FatalError } from '../lib/errors.ts';
import { assertReachable, createPool, type Pool } from '../lib/postgres.ts';
import type { CommandContext } from './context.ts';

export interface Databases {
  readonly config: ConfigWith<'DATABASE_URL' | 'LEGACY_DATABASE_URL'>;
  /** The canonical tables, the dimensions and the ledger. */
  readonly canonical: Pool;
  readonly legacy: Pool;
}

/** Connections per database: as many as `reconcile` compares ranges at once. */
const CONNECTIONS = 3;

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
  const config = context.config(['DATABASE_URL', 'LEGACY_DATABASE_URL']);
  const pool = (url: string) => createPool({ url, name: `history-cdc ${command}`, connections: CONNECTIONS });
  const [canonical, legacy] = [pool(config.DATABASE_URL), pool(config.LEGACY_DATABASE_URL)];
  try {
    await assertReachable(canonical, 'DATABASE_URL');
    await assertReachable(legacy, 'LEGACY_DATABASE_URL');
    await assertBothWhole(canonical, legacy);
    return await work({ config, canonical, legacy });
  } finally {
    await Promise.all([canonical.end(), legacy.end()]);
  }
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
