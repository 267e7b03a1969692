/**
 * The position of a record: topic, partition and offset. The topic is Kafka's topic id, because a topic can be deleted
 * and made again under the same name. The order of a key's records is the order of their offsets in one partition.
 * Between partitions or topics there is no order, so comparing such positions throws.
 */
export interface Position {
  /** Kafka's topic id, as a lower-case UUID. */
  readonly topicId: string;
  readonly partition: number;
  readonly offset: bigint;
}

export type PositionOrder = 'before' | 'same' | 'after' | 'incomparable';

/** How `position` relates to `reference`; both are positions of one key. */
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
