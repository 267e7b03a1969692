import assert from 'node:assert/strict';
import { FatalError } from '../lib/errors.ts';
import type { Client } from '../lib/postgres.ts';
import type { Position } from '../lib/position.ts';

/** A partition as one projector holds it: its commits carry the epoch, and none passes once another took over. */
export interface Claim {
  readonly topicId: string;
  readonly partition: number;
  readonly epoch: bigint;
}

/** Another projector took the partition over: everything since is its work. */
export class Fenced extends Error {
  override readonly name = 'Fenced';
}

const KNOWN_TOPICS = 'SELECT topic_id, name, partitions FROM history_cdc.topic';
const REGISTER_TOPIC = `
  INSERT INTO history_cdc.topic (topic_id, name, partitions) VALUES ($1, $2, $3) ON CONFLICT (topic_id) DO NOTHING`;

export interface TopicInUse {
  readonly topicId: string;
  readonly name: string;
  readonly partitions: number;
}

/**
 * Refuses a topic whose positions cannot be compared with the ledger's: one that was made again under its name, or
 * that got more partitions. Either would let an old event overwrite a newer one, or skip rows without a word.
 */
export async function registerTopic(
  client: Client,
  topic: TopicInUse,
  acceptNewTopic: boolean,
): Promise<void> {
  const { rows } = await client.query<{ topic_id: string; name: string; partitions: number }>(KNOWN_TOPICS);
  const known = rows.find(({ topic_id }) => topic_id === topic.topicId);
  if (known !== undefined && known.partitions !== topic.partitions) {
    throw new FatalError({
      code: 'PARTITIONS_CHANGED',
      message: `${topic.name} had ${String(known.partitions)} partitions and has ${String(topic.partitions)}: keys moved, so the order of their events is lost`,
      wayOut:
        'make a new topic with the partitions you want, snapshot the table into it, then `history-cdc project --accept-new-topic`',
      facts: { topic: topic.name },
    });
  }
  if (known === undefined && rows.length > 0 && !acceptNewTopic) {
    throw new FatalError({
      code: 'TOPIC_RECREATED',
      message: `${topic.name} has topic id ${topic.topicId}; the ledger holds positions of ${rows.map(({ name, topic_id }) => `${name} ${topic_id}`).join(', ')}`,
      wayOut:
        'if the new topic begins with a whole snapshot of the table, `history-cdc project --accept-new-topic`; else make it so first',
      facts: { topic: topic.name },
    });
  }
  if (known === undefined) await client.query(REGISTER_TOPIC, [topic.topicId, topic.name, topic.partitions]);
}

const TAKE_OVER = `
  INSERT INTO history_cdc.consumer_offset AS o (topic_id, partition, next_offset, epoch, projector)
  VALUES ($1, $2, $3, 1, $4)
  ON CONFLICT (topic_id, partition) DO UPDATE
    SET epoch = o.epoch + 1, projector = excluded.projector, updated_at = clock_timestamp()
  RETURNING epoch, next_offset`;

/** Claims a partition, and says from where to read it: the stored offset, or `firstOffset` where there is none. */
export async function takeOver(
  client: Client,
  position: Position,
  projector: string,
): Promise<{ readonly claim: Claim; readonly nextOffset: bigint }> {
  const { topicId, partition, offset } = position;
  const { rows } = await client.query<{ epoch: string; next_offset: string }>(TAKE_OVER, [
    topicId,
    partition,
    offset,
    projector,
  ]);
  const [row] = rows;
  assert(row !== undefined, 'taking a partition over returned no row');
  return { claim: { topicId, partition, epoch: BigInt(row.epoch) }, nextOffset: BigInt(row.next_offset) };
}

const ADVANCE = `
  UPDATE history_cdc.consumer_offset
  SET next_offset = $5, streamed_until = greatest(streamed_until, $6::timestamptz), updated_at = clock_timestamp()
  WHERE topic_id = $1 AND partition = $2 AND epoch = $3 AND next_offset = $4`;

/** How far a claim moves the stored offset of its partition. */
export interface Step {
  readonly claim: Claim;
  readonly from: bigint;
  readonly to: bigint;
}

/**
 * Moves the stored offset, in the transaction of the effects and before them: the row lock makes all projectors of
 * the partition take turns, so that what follows reads the ledger as the last one left it; and a claim that another
 * projector has outdated changes nothing.
 */
export async function advance(
  client: Client,
  step: Step & { readonly streamedUntil: string | null },
): Promise<void> {
  const { topicId, partition, epoch } = step.claim;
  const { rowCount } = await client.query(ADVANCE, [
    topicId,
    partition,
    epoch,
    step.from,
    step.to,
    step.streamedUntil,
  ]);
  if (rowCount !== 1)
    throw new Fenced(`partition ${String(partition)} is no longer held with epoch ${String(epoch)}`);
}

const LOCK = 'SELECT FROM history_cdc.consumer_offset WHERE topic_id = $1 AND partition = $2 FOR UPDATE';

/** The same turn-taking for those who move no offset: a replay, a dry run. */
export async function lockPartition(client: Client, topicId: string, partition: number): Promise<void> {
  await client.query(LOCK, [topicId, partition]);
}

const LOCK_ALL = 'SELECT FROM history_cdc.consumer_offset ORDER BY topic_id, partition FOR UPDATE';

/** Stops every projector for the time of a transaction: no batch decides on what is being changed. */
export async function lockAllPartitions(client: Client): Promise<void> {
  await client.query(LOCK_ALL);
}

const STORED = 'SELECT partition, next_offset, epoch FROM history_cdc.consumer_offset WHERE topic_id = $1';

export interface StoredOffset {
  readonly nextOffset: bigint;
  readonly epoch: bigint;
}

export async function storedOffsets(
  client: Client,
  topicId: string,
): Promise<ReadonlyMap<number, StoredOffset>> {
  const { rows } = await client.query<{ partition: number; next_offset: string; epoch: string }>(STORED, [
    topicId,
  ]);
  return new Map(
    rows.map((row) => [row.partition, { nextOffset: BigInt(row.next_offset), epoch: BigInt(row.epoch) }]),
  );
}
