import type { Row } from './panels.ts';

/** What the JMX agent of Kafka Connect says. */
export const DEBEZIUM: readonly Row[] = [
  {
    title: 'Debezium and Kafka Connect',
    panels: [
      {
        kind: 'lines',
        title: 'Connected',
        description: '1 while Debezium reads the slot.',
        unit: 'short',
        queries: { '{{server}}': 'debezium_streaming_connected' },
      },
      {
        kind: 'lines',
        title: 'Behind the source',
        description: 'From the commit to the read.',
        unit: 's',
        queries: { '{{server}}': 'debezium_streaming_behind_source_seconds' },
      },
      {
        kind: 'lines',
        title: 'Changes per second',
        description: 'That Debezium read.',
        unit: 'short',
        queries: { '{{server}}': 'sum by (server) (rate(debezium_streaming_events_seen_total[5m]))' },
      },
      {
        kind: 'lines',
        title: 'Queue',
        description: 'Between Debezium and Kafka Connect; 0 free: Connect is slow.',
        unit: 'short',
        queries: {
          free: 'debezium_streaming_queue_free_events',
          capacity: 'debezium_streaming_queue_capacity_events',
        },
      },
      {
        kind: 'lines',
        title: 'Records per second',
        description: 'That tasks wrote to Kafka.',
        unit: 'short',
        queries: {
          '{{connector}}': 'sum by (connector) (rate(kafka_connect_source_records_written_total[5m]))',
        },
      },
      {
        kind: 'lines',
        title: 'Heap of the worker',
        description: 'Of the JVM of Kafka Connect.',
        unit: 'bytes',
        queries: {
          '{{instance}}': 'sum by (instance) (jvm_memory_used_bytes{job="kafka-connect",area="heap"})',
        },
      },
    ],
  },
];
