import { assertMigrated } from '../../consumers/agent-test-history/schema/migrate.ts';
import { assertBothWhole } from '../../consumers/agent-test-history/schema/requirements.ts';
import type { ConfigWith } from '../../lib/config.ts';
import { FatalError } from '../../lib/errors.ts';
import { assertReachable, type Pool } from '../../lib/postgres.ts';
import { circumstancesOf } from '../checks/judge.ts';
import { SNAPSHOT_FACTS } from '../checks/snapshot.ts';
import type { Circumstances } from '../checks/check.ts';
import type { Answers, FactName } from '../facts/facts.ts';
import { gather } from '../facts/gather.ts';
import type { Observer } from '../facts/observer.ts';
import { withServices, type Services } from '../facts/services.ts';

export const SNAPSHOT_NEEDS = [
  'CONNECT_URL',
  'KAFKA_BROKERS',
  'CONNECTOR_DATABASE_URL',
  'DATABASE_URL',
  'LEGACY_DATABASE_URL',
] as const;

export type SnapshotConfig = ConfigWith<(typeof SNAPSHOT_NEEDS)[number]>;

/** The connections of a snapshot command, which are opened and closed together. */
export interface Session {
  readonly config: SnapshotConfig;
  readonly services: Services;
  /** The database with the signal table and the legacy rows. */
  readonly legacy: Pool;
  /** The database with the ledger. */
  readonly canonical: Pool;
  readonly observer: Observer;
}

export async function withSession<T>(
  config: SnapshotConfig,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const options = { name: 'history-cdc snapshot', bounds: 'work' } as const;
  return await withServices(config, options, async (services) => {
    const [canonical, legacy] = [services.canonical(), services.legacy()];
    await assertReachable(canonical, 'DATABASE_URL');
    await assertReachable(legacy, 'LEGACY_DATABASE_URL');
    await assertBothWhole(canonical, legacy);
    await assertMigrated(canonical);
    const observer = await services.observer();
    if (observer === undefined) throw noTopics();
    return await work({ config, services, legacy, canonical, observer });
  });
}

function noTopics(): FatalError {
  return new FatalError({
    code: 'TOPIC_MISSING',
    message:
      'the topic of the notifications or the topic of the heartbeats is missing, so nothing is known about snapshots',
    wayOut: '`history-cdc connector apply` creates the topics and the connector',
  });
}

/** Asks for all facts about the snapshot and the connector once. */
export async function lookAt(
  { services, config }: Pick<Session, 'services' | 'config'>,
  more: readonly FactName[] = [],
): Promise<{ readonly answers: Answers; readonly circumstances: Circumstances }> {
  const answers = await gather({ services, config }, [...SNAPSHOT_FACTS, 'continuity', ...more]);
  return { answers, circumstances: circumstancesOf(answers, config) };
}
