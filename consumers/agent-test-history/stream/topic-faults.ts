import { FatalError } from '../../../lib/errors.ts';
import type { Watermarks } from '../../../lib/kafka-cluster.ts';

export function topicMissing(topic: string): FatalError {
  return new FatalError({
    code: 'TOPIC_MISSING',
    message: `there is no topic ${topic}`,
    wayOut: '`history-cdc connector apply` creates it; check TOPIC_PREFIX if the connector writes elsewhere',
    facts: { topic },
  });
}

interface ReadPosition {
  readonly topic: string;
  readonly partition: number;
  readonly nextOffset: bigint;
}

const MAKE_ANEW =
  'make the topic again with a whole snapshot, then run `history-cdc project --accept-new-topic`';

/** The error of a log that lost its end, and grew again over offsets that had been read. */
export function topicCut({ topic, partition, nextOffset }: ReadPosition): FatalError {
  const last = String(nextOffset - 1n);
  return new FatalError({
    code: 'TOPIC_CUT',
    message: `${topic}, partition ${String(partition)}, offset ${last}, does not hold the record that was read there: the partition lost its end and grew again`,
    wayOut: `the topic has lost records, and new records have offsets that were read already: ${MAKE_ANEW}`,
    facts: { topic, partition, nextOffset: String(nextOffset) },
  });
}

/** Throws unless the topic holds the next offset, or its next record will get that offset. */
export function assertInRange(
  { topic, partition, nextOffset }: ReadPosition,
  { low, high }: Watermarks,
): void {
  if (nextOffset >= low && nextOffset <= high) return;
  const where = `${topic}, partition ${String(partition)}`;
  const range = `the topic holds offsets ${String(low)} to ${String(high)}`;
  const lostBeginning = nextOffset === 0n;
  throw new FatalError({
    code: lostBeginning ? 'TOPIC_TRUNCATED' : 'OFFSET_OUT_OF_RANGE',
    message: lostBeginning
      ? `the beginning of ${where}, was deleted: ${range}`
      : `the next offset of ${where}, is ${String(nextOffset)}, and ${range}`,
    wayOut: lostBeginning
      ? `set retention.ms=-1 on the topic, and ${MAKE_ANEW}`
      : `records were deleted, or the database was restored to another time than the topic: ${MAKE_ANEW}`,
    facts: { topic, partition, nextOffset: String(nextOffset) },
  });
}

export function fencedForGood(partition: number, cause: unknown): FatalError {
  return new FatalError({
    code: 'FENCED',
    message: `another projector works on partition ${String(partition)} and is not in our consumer group`,
    wayOut:
      'run all projectors of a database with the same CONSUMER_GROUP, or stop the other one (history_cdc.consumer_offset names it)',
    facts: { partition },
    cause,
  });
}
