import { createValueDecoder } from '../../operations/facts/record-value.ts';
import { schemaLookupOf } from '../../lib/registry.ts';
import type { Pipeline } from './pipeline.ts';
import { readTopic } from './topic-records.ts';
import { until } from './until.ts';

const PASSED = `
  SELECT coalesce(confirmed_flush_lsn >= $2::pg_lsn, false) FROM pg_replication_slots WHERE slot_name = $1`;

/**
 * Returns when everything that is committed now is in Kafka: the connector confirms its slot only behind what the broker
 * has acknowledged. For tests in which Debezium writes records twice, so that they cannot be counted.
 */
export async function allStreamed(pipeline: Pipeline): Promise<void> {
  const end = await pipeline.value<string>('SELECT pg_current_wal_insert_lsn()::text');
  await until(
    'the slot passes everything that was committed',
    () => pipeline.value<boolean>(PASSED, [pipeline.config.SLOT_NAME, end]),
    120_000,
  );
}

/** An event of the data topic, as far as tests ask for it. */
export interface TopicEvent {
  readonly id: string;
  readonly op: string;
  /** A row of an incremental snapshot. */
  readonly incremental: boolean;
  readonly lsn: bigint | null;
}

interface Envelope {
  readonly op: string;
  readonly before: { readonly id: string } | null;
  readonly after: { readonly id: string } | null;
  readonly source: { readonly snapshot: string | null; readonly lsn: bigint | number | null };
}

/** The events of the data topic by partition and offset; tombstones are none. */
export async function topicEvents(pipeline: Pipeline): Promise<TopicEvent[]> {
  const decode = createValueDecoder(schemaLookupOf(pipeline.config));
  const records = await readTopic(pipeline);
  records.sort((a, b) => a.partition - b.partition || (a.offset < b.offset ? -1 : 1));
  const events: TopicEvent[] = [];
  for (const { value } of records) {
    if (value === null) continue;
    const { op, before, after, source } = (await decode(value)) as Envelope;
    const id = (after ?? before)?.id ?? '';
    const lsn = source.lsn === null ? null : BigInt(source.lsn);
    events.push({ id, op, incremental: source.snapshot === 'incremental', lsn });
  }
  return events;
}
