import assert from 'node:assert/strict';
import { formatBatch, parseBatch, type BatchMark } from '../../../lib/kafka-batch.ts';
import { inTransaction, type Client, type Pool } from '../../../lib/postgres.ts';
import type { Position } from '../../../lib/position.ts';
import { currentTopic } from './current-topic.ts';
import { assertNothingUndone } from './undo-fence.ts';

/**
 * A projector's claim on a partition. Every commit names the epoch, and fails once another projector has claimed it.
 */
export interface Claim {
  readonly topicId: string;
  readonly partition: number;
  readonly epoch: bigint;
}

/** Thrown if another projector has claimed the partition. The transaction has changed nothing. */
export class Fenced extends Error {
  override readonly name = 'Fenced';
}

const TAKE_OVER = `
  INSERT INTO history_cdc.consumer_offset AS o
    (topic_id, partition, next_offset, epoch, projector, watched_since, watched_epoch)
  VALUES ($1, $2, $3, 1, $4, clock_timestamp(), 1)
  ON CONFLICT (topic_id, partition) DO UPDATE
    SET epoch = o.epoch + 1, projector = excluded.projector, watched_epoch = o.epoch + 1,
        watched_since = CASE WHEN o.watched_epoch = o.epoch THEN o.watched_since ELSE clock_timestamp() END
  RETURNING epoch, next_offset, last_batch`;

/**
 * Claims a partition. Returns the offset to read from (the stored one, or `position.offset` if none is stored) and the
 * batch before that offset (null if it is not known). `updated_at` is not changed, because it says since when the
 * offset has not moved. Otherwise projectors that start and end again and again would hide a standstill.
 * `watched_since` is not changed as long as every claim was made by a projector that keeps the legacy table's last writes
 * (legacy-writes.ts).
 */
export async function takeOver(
  client: Client,
  position: Position,
  projector: string,
): Promise<{ readonly claim: Claim; readonly nextOffset: bigint; readonly lastBatch: BatchMark | null }> {
  const { topicId, partition, offset } = position;
  const { rows } = await client.query<{ epoch: string; next_offset: string; last_batch?: string | null }>(
    TAKE_OVER,
    [topicId, partition, offset, projector],
  );
  const [row] = rows;
  assert(row !== undefined, 'taking a partition over returned no row');
  return {
    claim: { topicId, partition, epoch: BigInt(row.epoch) },
    nextOffset: BigInt(row.next_offset),
    lastBatch: batchOf(row.last_batch),
  };
}

function batchOf(text: string | null | undefined): BatchMark | null {
  return text === null || text === undefined ? null : parseBatch(text);
}

const ADVANCE = `
  UPDATE history_cdc.consumer_offset
  SET next_offset = $5, streamed_until = greatest(streamed_until, $6::timestamptz), last_batch = $7,
      updated_at = clock_timestamp()
  WHERE topic_id = $1 AND partition = $2 AND epoch = $3 AND next_offset = $4
    AND topic_id = (SELECT topic_id FROM history_cdc.topic ORDER BY generation DESC LIMIT 1)
    AND ($8::bigint IS NULL OR $8 = (SELECT generation FROM history_cdc.undo_fence))`;

/** How far a claim moves the stored offset of its partition. */
export interface Step {
  readonly claim: Claim;
  readonly from: bigint;
  readonly to: bigint;
  /** The batch before `to`; null if it is not known. */
  readonly batch: BatchMark | null;
}

/**
 * Moves the stored offset. It must be the first statement of the transaction: its row lock makes all projectors of the
 * partition take turns, so that later statements see what the previous projector committed. Throws `Fenced` if another
 * projector has claimed the partition, if the topic is not the current one, or if this process started before an
 * `undo`.
 */
export async function advance(
  client: Client,
  step: Step & { readonly streamedUntil: string | null; readonly undoGeneration?: bigint | undefined },
): Promise<void> {
  const { topicId, partition, epoch } = step.claim;
  const { rowCount } = await client.query(ADVANCE, [
    topicId,
    partition,
    epoch,
    step.from,
    step.to,
    step.streamedUntil,
    step.batch === null ? null : formatBatch(step.batch),
    step.undoGeneration ?? null,
  ]);
  if (rowCount !== 1)
    throw new Fenced(`partition ${String(partition)} is no longer held with epoch ${String(epoch)}`);
}

const LOCK = 'SELECT FROM history_cdc.consumer_offset WHERE topic_id = $1 AND partition = $2 FOR UPDATE';

export interface ReadBeside {
  readonly kind: 'replay' | 'dry_run';
  readonly topicId: string;
  readonly partition: number;
}

/**
 * Takes the same row lock for a replay or a dry run, which move no offset. Throws `Fenced` if the topic is not the
 * current one, or if the process started before an `undo`.
 */
export async function lockPartition(
  client: Client,
  { kind, topicId, partition }: ReadBeside,
  undoGeneration?: bigint,
): Promise<void> {
  await client.query(LOCK, [topicId, partition]);
  if (kind === 'dry_run') return;
  if (undoGeneration !== undefined) await assertNothingUndone(client, undoGeneration);
  const current = await currentTopic(client);
  if (current !== undefined && current.topicId !== topicId)
    throw new Fenced(`the ledger belongs to another topic, ${current.topicId}`);
}

const LOCK_ALL = 'SELECT FROM history_cdc.consumer_offset ORDER BY topic_id, partition FOR UPDATE';

/** Stops every projector until the end of the transaction, so that no batch decides by facts that are being changed. */
export async function lockAllPartitions(client: Client): Promise<void> {
  await client.query(LOCK_ALL);
}

const STORED =
  'SELECT partition, next_offset, epoch, last_batch FROM history_cdc.consumer_offset WHERE topic_id = $1';

interface StoredRow {
  readonly partition: number;
  readonly next_offset: string;
  readonly epoch: string;
  readonly last_batch?: string | null;
}

export interface StoredOffset {
  readonly nextOffset: bigint;
  readonly epoch: bigint;
  readonly lastBatch: BatchMark | null;
}

/** In a transaction, for its time limits: partitions and the end of a run wait for the answer of a silent connection. */
export async function storedOffsetsInTime(
  pool: Pool,
  topicId: string,
): Promise<ReadonlyMap<number, StoredOffset>> {
  return await inTransaction(pool, (client) => storedOffsets(client, topicId));
}

export async function storedOffsets(
  client: Client,
  topicId: string,
): Promise<ReadonlyMap<number, StoredOffset>> {
  const { rows } = await client.query<StoredRow>(STORED, [topicId]);
  return new Map(
    rows.map(({ partition, next_offset, epoch, last_batch }) => [
      partition,
      { nextOffset: BigInt(next_offset), epoch: BigInt(epoch), lastBatch: batchOf(last_batch) },
    ]),
  );
}
