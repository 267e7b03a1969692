import type { RawRecord } from './kafka-fetch-answer.ts';

/** A batch of records of one partition, as the broker stores it. Followers and restarted brokers keep it as it is. */
export interface BatchMark {
  readonly first: bigint;
  readonly last: bigint;
  /** Increases with each leader election. A log can lose its end only in an election. */
  readonly leaderEpoch: bigint;
  /** The newest time of its records. */
  readonly newestMs: bigint;
}

/**
 * True if the batch at an offset now is the same batch as before. If the end of a log was cut off and has grown again,
 * the batch has another epoch, other bounds or a later time. Compaction may remove the newest record, which makes the
 * batch older.
 */
export function isSameBatch(before: BatchMark, now: BatchMark): boolean {
  return (
    now.first === before.first &&
    now.last === before.last &&
    now.leaderEpoch === before.leaderEpoch &&
    now.newestMs <= before.newestMs
  );
}

export function formatBatch({ first, last, leaderEpoch, newestMs }: BatchMark): string {
  return [first, last, leaderEpoch, newestMs].join(' ');
}

export function parseBatch(text: string): BatchMark {
  const [first = 0n, last = 0n, leaderEpoch = 0n, newestMs = 0n] = text.split(' ').map(BigInt);
  return { first, last, leaderEpoch, newestMs };
}

/** The batches that a fetch has read, in order. The records of one batch share one context object. */
export function batchesOf(records: readonly RawRecord[]): BatchMark[] {
  const contexts = records.flatMap(({ batchContext }, index) =>
    records[index - 1]?.batchContext.firstOffset === batchContext.firstOffset ? [] : [batchContext],
  );
  return contexts.map(({ firstOffset, lastOffsetDelta, partitionLeaderEpoch, maxTimestamp }) => ({
    first: BigInt(firstOffset),
    last: BigInt(firstOffset) + BigInt(lastOffsetDelta),
    leaderEpoch: BigInt(partitionLeaderEpoch),
    newestMs: BigInt(maxTimestamp),
  }));
}
