import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '../../lib/postgres.ts';
import type { Answer } from './answer.ts';
import { backlogOf } from './backlog.ts';
import { readProjection, type ProjectionFacts, type ProjectedOffset } from './canonical.ts';
import type { DataTopic } from './kafka.ts';
import { spanText } from '../../lib/figures.ts';

/** A projector that works commits several times a second. */
const STANDS_AFTER_SECONDS = 60;
/** A projector that is idle commits a record within a second of its arrival; a busy machine takes longer. */
const SECOND_LOOK_WITHIN_MS = 4_000;
const LOOK_AGAIN_MS = 250;

/** A partition that has records to project, and whose stored offset does not move. */
export interface StandingPartition {
  readonly partition: number;
  readonly nextOffset: bigint;
  readonly end: bigint;
  /** Undefined where no offset is stored, or where the clock of Postgres was set back since. */
  readonly seconds: number | undefined;
  /** Undefined where no projector has claimed the partition. */
  readonly projector: string | undefined;
  /** Where a transaction of a producer is open, so that nothing from here on can be read. */
  readonly openFrom: bigint | undefined;
}

/**
 * Which partitions stand still: they have records to project, the offset has not moved for a minute, and it is the same
 * in a second look. The minute is measured by the clock of Postgres alone. The second look tells a partition that stands
 * still from one whose first record for hours has just come; no clock of Kafka is compared with one of Postgres.
 * The newest commit of all partitions would hide one that stands still among others that move.
 */
export function standingPartitions(
  { topicId, marks }: NonNullable<DataTopic>,
  offsets: readonly ProjectedOffset[],
  later: readonly ProjectedOffset[] = offsets,
): StandingPartition[] {
  const { partitions } = backlogOf(topicId, marks, offsets);
  const after = backlogOf(topicId, marks, later).partitions;
  return [...partitions].flatMap(([partition, { next, end, stored }]) => {
    const moved = after.get(partition)?.stored?.nextOffset;
    if (end <= next || (moved !== undefined && moved !== stored?.nextOffset)) return [];
    const seconds = stored === undefined || stored.secondsAgo < 0 ? undefined : stored.secondsAgo;
    if (seconds !== undefined && seconds <= STANDS_AFTER_SECONDS) return [];
    const { openFrom, low = 0n } = marks.get(partition) ?? {};
    const nextOffset = stored === undefined ? low : BigInt(stored.nextOffset);
    return [{ partition, nextOffset, end, seconds, projector: stored?.projector, openFrom }];
  });
}

export function standingText(standing: StandingPartition): string {
  const { partition, nextOffset, end, seconds } = standing;
  const since = seconds === undefined ? '' : ` for ${spanText(seconds)}`;
  return `partition ${String(partition)} stands at offset ${String(nextOffset)}${since}, and the topic ends at ${String(end)} (${whyOf(standing)})`;
}

function whyOf({ nextOffset, projector, openFrom }: StandingPartition): string {
  if (openFrom !== undefined && openFrom <= nextOffset)
    return `a producer has left a transaction open since offset ${String(openFrom)}, and no record behind it can be read`;
  if (projector === undefined) return 'no projector has claimed it';
  return `claimed last by ${projector}, which has committed nothing of it`;
}

/**
 * The second look. It is taken at once where no partition seems to stand still; otherwise as soon as each of them has moved,
 * and after four seconds at the latest.
 */
export async function readLaterOffsets(
  client: Client,
  projection: Answer<ProjectionFacts>,
  dataTopic: Answer<DataTopic>,
): Promise<readonly ProjectedOffset[]> {
  if (!projection.known || !dataTopic.known || dataTopic.value === undefined) return [];
  const { offsets } = projection.value;
  const until = performance.now() + SECOND_LOOK_WITHIN_MS;
  let later = offsets;
  while (standingPartitions(dataTopic.value, offsets, later).length > 0 && performance.now() < until) {
    await delay(LOOK_AGAIN_MS);
    later = (await readProjection(client)).offsets;
  }
  return later;
}
