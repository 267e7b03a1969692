import { assertMigrated } from '../../consumers/agent-test-history/schema/migrate.ts';
import type { ConfigWith } from '../../lib/config.ts';
import type { Running } from './commands.ts';
import { connectDatabases, type Databases } from './databases.ts';

/** Both databases for one request, with connections that may work for long. */
export async function withDatabasesOf<T>(
  { config }: Pick<Running, 'config'>,
  command: string,
  work: (databases: Databases) => Promise<T>,
): Promise<T> {
  // The console does not start without these two.
  const whole = config as ConfigWith<'DATABASE_URL' | 'LEGACY_DATABASE_URL'>;
  return await connectDatabases(whole, `console ${command}`, async (databases) => {
    await assertMigrated(databases.canonical);
    return await work(databases);
  });
}
