import type { TopicRecord } from '../../lib/kafka-consumer.ts';

/** One row of the heartbeat table, as it came through its topic. */
export interface Heartbeat {
  /** By the clock of the legacy database. */
  readonly beatAt: Date;
  /** By the clock of Kafka Connect, which gave the record its time. */
  readonly arrivedAt: Date;
  /** False for the snapshot's copy of the row, which proves nothing about the stream. */
  readonly streamed: boolean;
}

interface Envelope {
  readonly op: string;
  readonly after: { readonly beat: string } | null;
}

/** Undefined where the record tells of no beat: a delete. */
export function heartbeatOf(record: TopicRecord, value: unknown): Heartbeat | undefined {
  const { op, after } = value as Envelope;
  if (after === null) return undefined;
  return {
    beatAt: new Date(after.beat),
    arrivedAt: new Date(record.timestampMs),
    streamed: op === 'c' || op === 'u',
  };
}
