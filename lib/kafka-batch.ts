import type { RawRecord } from './kafka-fetch-answer.ts';

/** A batch of records of one partition, as the broker stores it. Followers, and brokers that restart, keep it as it is. */
export interface BatchMark {
  readonly first: bigint;
  readonly last: bigint;
  /** Grows with each election of a leader; a log loses its end in an election only. */
  readonly leaderEpoch: bigint;
  /** The newest time of its records. */
  readonly newestMs: bigint;
}

/**
 * True where the batch that lies at an offset now is the one that lay there before. Where the end of a log was cut off and
 * has grown again, the batch has another epoch, other bounds or a later time. Compaction may take the newest record out,
 * which makes the batch older.
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

/** The batches that a fetch has read, in order. Records of one batch share its context. */
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
