import { assertMigrated } from '../../consumers/agent-test-history/schema/migrate.ts';
import { assertBothWhole } from '../../consumers/agent-test-history/schema/requirements.ts';
import type { ConfigWith } from '../../lib/config.ts';
import { assertReachable, createPool, type Pool } from '../../lib/postgres.ts';
import { withTarget, type Target } from '../../connectors/deploy/target.ts';
import { Observer } from './observer.ts';

export const SNAPSHOT_NEEDS = [
  'CONNECT_URL',
  'KAFKA_BROKERS',
  'CONNECTOR_DATABASE_URL',
  'DATABASE_URL',
  'LEGACY_DATABASE_URL',
] as const;

export type SnapshotConfig = ConfigWith<(typeof SNAPSHOT_NEEDS)[number]>;

/** Everything that a command about snapshots talks to, opened together and closed together. */
export interface Session {
  readonly config: SnapshotConfig;
  readonly target: Target;
  /** With the signal table and the legacy rows. */
  readonly legacy: Pool;
  /** With the ledger. */
  readonly canonical: Pool;
  readonly observer: Observer;
}

export async function withSession<T>(
  config: SnapshotConfig,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const pool = (url: string) => createPool({ url, name: 'history-cdc snapshot', connections: 3 });
  const [canonical, legacy] = [pool(config.DATABASE_URL), pool(config.LEGACY_DATABASE_URL)];
  try {
    await assertReachable(canonical, 'DATABASE_URL');
    await assertReachable(legacy, 'LEGACY_DATABASE_URL');
    await assertBothWhole(canonical, legacy);
    await assertMigrated(canonical);
    return await withTarget(config, async (target) => {
      const observer = await Observer.start(target.cluster, config);
      try {
        return await work({ config, target, legacy, canonical, observer });
      } finally {
        await observer.stop();
      }
    });
  } finally {
    await Promise.all([canonical.end(), legacy.end()]);
  }
}
