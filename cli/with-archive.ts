import { assertMigrated } from '../consumers/agent-test-history/schema/migrate.ts';
import { openTarget } from '../operations/archive/open-target.ts';
import type { Target } from '../operations/archive/target.ts';
import type { ConfigWith } from '../lib/config.ts';
import { assertReachable, createPool, type Pool } from '../lib/postgres.ts';
import type { CommandContext } from './context.ts';

export interface ArchiveParts {
  readonly config: ConfigWith<'DATABASE_URL' | 'LEGACY_DATABASE_URL' | 'ARCHIVE_TARGET'>;
  readonly canonical: Pool;
  /** A pool that can COPY. Its role needs SELECT on the legacy table, and nothing else. */
  readonly legacy: Pool;
  readonly target: Target;
}

const CONNECTIONS = 4;

/** Connects the databases and the target for the time of a command. */
export async function withArchive<T>(
  context: CommandContext,
  command: string,
  work: (parts: ArchiveParts) => Promise<T>,
): Promise<T> {
  const config = context.config(['DATABASE_URL', 'LEGACY_DATABASE_URL', 'ARCHIVE_TARGET']);
  const name = `history-cdc archive ${command}`;
  const canonical = createPool({
    url: config.DATABASE_URL,
    name,
    connections: CONNECTIONS,
    setting: 'DATABASE_URL',
  });
  const legacy = createPool({
    url: config.LEGACY_DATABASE_URL,
    name,
    connections: 1,
    copies: true,
    setting: 'LEGACY_DATABASE_URL',
  });
  try {
    await assertReachable(canonical, 'DATABASE_URL');
    await assertReachable(legacy, 'LEGACY_DATABASE_URL');
    await assertMigrated(canonical);
    const target = await openTarget(config);
    try {
      return await work({ config, canonical, legacy, target });
    } finally {
      target.close();
    }
  } finally {
    await Promise.all([canonical.end(), legacy.end()]);
  }
}
