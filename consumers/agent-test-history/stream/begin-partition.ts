import type { BatchMark } from '../../../lib/kafka-batch.ts';
import type { Watermarks } from '../../../lib/kafka-cluster.ts';
import { inTransaction } from '../../../lib/postgres.ts';
import { untilEnvironmentAllows } from '../../../lib/retry.ts';
import { assertCurrentTopic, registerTopic, type TopicInUse } from '../batch/current-topic.ts';
import { assertSameSettings, registerSettings } from '../batch/deciding-settings.ts';
import { takeOver } from '../batch/offsets.ts';
import { assertNothingUndone } from '../batch/undo-fence.ts';
import type { SessionMode } from './commit.ts';
import type { ProjectorOptions } from './projector-options.ts';
import { assertInRange } from './topic-faults.ts';

interface Beginning {
  readonly options: ProjectorOptions;
  readonly inUse: TopicInUse;
  /** The name of the projector in `consumer_offset`. */
  readonly name: string;
  readonly signal: AbortSignal;
}

interface Begun {
  readonly firstOffset: bigint;
  readonly lastBatch: BatchMark | null;
  readonly sessionMode: SessionMode;
}

/**
 * Claims the partition, if this projector commits anything. Reading starts at the stored offset; throws if the topic no
 * longer holds that offset.
 */
export async function beginPartition(
  { options, inUse, name, signal }: Beginning,
  partition: number,
  watermarks: Watermarks,
): Promise<Begun> {
  const { topic, context, startAt, commits, dryRun, observer, deciding } = options;
  if (!commits) {
    const { nextOffset, lastBatch } = startAt.get(partition) ?? {
      nextOffset: watermarks.low,
      lastBatch: null,
    };
    return { firstOffset: nextOffset, lastBatch, sessionMode: { kind: dryRun ? 'dry_run' : 'replay' } };
  }
  const start = { topicId: inUse.topicId, partition, offset: 0n };
  const claimed = () =>
    inTransaction(context.canonical, async (client) => {
      await assertCurrentTopic(client, inUse);
      const taken = await takeOver(client, start, name);
      // If the claim waited, the group may have given the partition to another projector, whose claim must stand.
      signal.throwIfAborted();
      // If the claim waited until a person had accepted other settings, this projector has the former ones.
      await assertSameSettings(client, deciding);
      return taken;
    });
  const { claim, nextOffset, lastBatch } = await untilEnvironmentAllows(claimed, {
    signal,
    retrying: (error) => {
      observer.retrying(partition, error);
    },
  });
  assertInRange({ topic, partition, nextOffset }, watermarks);
  return { firstOffset: nextOffset, lastBatch, sessionMode: { kind: 'commit', claim } };
}

/**
 * Makes topic and settings those of the ledger, or throws if the ledger has others and no person accepts these. A replay
 * only compares them, and a dry run may have other settings.
 */
export async function beginTopic(
  { context, commits, dryRun, acceptNewTopic, deciding, acceptNewSettings }: ProjectorOptions,
  inUse: TopicInUse,
): Promise<void> {
  if (commits)
    await inTransaction(context.canonical, async (client) => {
      await registerTopic(client, inUse, acceptNewTopic);
      await registerSettings(client, deciding, acceptNewSettings);
    });
  else if (!dryRun) await assertSameSettings(context.canonical, deciding);
}

/** Throws if this process can never commit again: another topic or other settings were accepted, or rows were taken back. */
export async function assertNotOutdated(
  { context: { canonical, undoGeneration }, deciding }: ProjectorOptions,
  inUse: TopicInUse,
): Promise<void> {
  await assertCurrentTopic(canonical, inUse);
  await assertNothingUndone(canonical, undoGeneration);
  await assertSameSettings(canonical, deciding);
}
