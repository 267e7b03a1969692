import { storedOffsets } from '../../consumers/agent-test-history/batch/offsets.ts';
import type { Client } from '../../lib/postgres.ts';
import { topicNames } from '../../lib/names.ts';
import type { KafkaCluster } from '../../lib/kafka-cluster.ts';

/** Where each partition of the data topic ends. */
export type Ends = ReadonlyMap<number, bigint>;

interface Where {
  readonly cluster: KafkaCluster;
  readonly canonical: Client;
  readonly config: { readonly TOPIC_PREFIX: string };
}

export async function endsNow({ cluster, config }: Omit<Where, 'canonical'>): Promise<Ends> {
  const marks = await cluster.watermarks(topicNames(config).data);
  return new Map([...marks].map(([partition, { high }]) => [partition, high]));
}

/** Records before these ends that no projector has committed yet; null where there is no such topic. */
export async function recordsToProject(
  { cluster, canonical, config }: Where,
  ends: Ends,
): Promise<number | null> {
  const identity = await cluster.describeTopic(topicNames(config).data);
  if (identity === undefined) return null;
  const stored = await storedOffsets(canonical, identity.topicId);
  return [...ends].reduce((sum, [partition, end]) => {
    const next = stored.get(partition)?.nextOffset ?? 0n;
    return sum + (end > next ? Number(end - next) : 0);
  }, 0);
}
