/**
 * Where a record stands: its topic (by Kafka's topic id, because a name can be deleted and made again), partition
 * and offset. The order of a key's records is the order of their offsets in one partition; between partitions or
 * topics there is no order, so comparing them is an error and not an answer.
 */
export interface Position {
  /** Kafka's topic id, as a lower-case UUID. */
  readonly topicId: string;
  readonly partition: number;
  readonly offset: bigint;
}

export type PositionOrder = 'before' | 'same' | 'after' | 'incomparable';

/** How `position` stands to `reference`, two positions of one key. */
export function comparePositions(position: Position, reference: Position): PositionOrder {
  if (position.topicId !== reference.topicId || position.partition !== reference.partition)
    return 'incomparable';
  if (position.offset === reference.offset) return 'same';
  return position.offset < reference.offset ? 'before' : 'after';
}

/** `partition:offset`, as a log line or an error names it. */
export function formatPosition({ partition, offset }: Position): string {
  return `${String(partition)}:${String(offset)}`;
}
