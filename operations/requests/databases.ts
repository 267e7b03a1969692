import { assertBothWhole } from '../../consumers/agent-test-history/schema/requirements.ts';
import type { ConfigWith } from '../../lib/config.ts';
import { assertReachable, createPool, type Pool } from '../../lib/postgres.ts';

export interface Databases {
  readonly config: ConfigWith<'DATABASE_URL' | 'LEGACY_DATABASE_URL'>;
  /** The canonical tables, the dimensions and the ledger. */
  readonly canonical: Pool;
  readonly legacy: Pool;
}

/** Connections per database: as many as `reconcile` compares ranges at once. */
const CONNECTIONS = 3;

/** Connects both databases while a command, or a request of the console, runs. */
export async function connectDatabases<T>(
  config: Databases['config'],
  name: string,
  work: (databases: Databases) => Promise<T>,
): Promise<T> {
  const pool = (url: string) => createPool({ url, name: `history-cdc ${name}`, connections: CONNECTIONS });
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
