import { setTimeout } from 'node:timers/promises';
import type { ConnectorConfig } from '../../connectors/deploy/desired.ts';
import { withPool } from '../databases.ts';
import type { Dataset } from '../dataset.ts';
import { measured, type Measurement } from '../measurement.ts';
import { Meter } from '../meter.ts';
import type { BenchStack } from '../stack.ts';
import { Timeline } from '../timeline.ts';
import type { Source } from '../topic.ts';
import { SINK_PASSWORD, type SinkWorker } from './sink-worker.ts';

/** The legacy columns, flat, and the primary key: the least that a sink has to do. */
export const FLAT_TABLE =
  'CREATE TABLE public.flat (LIKE public.agent_test_history); ALTER TABLE public.flat ADD PRIMARY KEY (id)';
const POLL_MS = 200;

interface SinkPlan {
  readonly name: string;
  readonly source: Source;
  /** Where the table is. */
  readonly databaseUrl: string;
  readonly tasks: number;
  /** Bulk: large fetches; latency: whatever is there, at once. */
  readonly tuned: 'bulk' | 'latency';
}

/** The best configuration of 30 runs on such a machine; the converters are the source's. */
export function sinkConfig({ name, source, databaseUrl, tasks, tuned }: SinkPlan): ConnectorConfig {
  const { hostname, port, pathname, username } = new URL(databaseUrl);
  return {
    name,
    'connector.class': 'io.debezium.connector.jdbc.JdbcSinkConnector',
    'tasks.max': String(tasks),
    topics: source.topic,
    'connection.url': `jdbc:postgresql://${hostname}:${port}${pathname}`,
    'connection.username': username,
    'connection.password': `\${env:${SINK_PASSWORD}}`,
    'insert.mode': 'upsert',
    'primary.key.mode': 'record_key',
    'delete.enabled': 'true',
    'schema.evolution': 'none',
    'collection.name.format': 'public.flat',
    'dialect.postgres.unnest.insert.enabled': 'true',
    'use.reduction.buffer': 'true',
    'batch.size': '2000',
    'consumer.override.max.poll.records': '2000',
    'consumer.override.max.partition.fetch.bytes': '8388608',
    'consumer.override.fetch.min.bytes': tuned === 'bulk' ? '1048576' : '1',
    'consumer.override.fetch.max.wait.ms': '100',
    'consumer.override.auto.offset.reset': 'earliest',
    ...convertersOf(source),
  };
}

function convertersOf({ config }: Source): ConnectorConfig {
  const converter = (side: 'key' | 'value') => ({
    [`${side}.converter`]: 'io.apicurio.registry.utils.converter.AvroConverter',
    [`${side}.converter.apicurio.registry.url`]: config.CONNECTOR_SCHEMA_REGISTRY_URL ?? '',
    [`${side}.converter.apicurio.registry.as-confluent`]: 'true',
    [`${side}.converter.apicurio.registry.use-id`]: 'contentId',
    [`${side}.converter.apicurio.registry.headers.enabled`]: 'false',
  });
  return { ...converter('key'), ...converter('value') };
}

export interface SinkRun {
  readonly stack: BenchStack;
  readonly dataset: Dataset;
  readonly source: Source;
  readonly worker: SinkWorker;
  readonly tasks: number;
  readonly signal: AbortSignal;
}

let runs = 0;

/** Takes a whole topic into an empty flat table, in a fresh copy of the database. */
export async function sink(run: SinkRun): Promise<Measurement> {
  const { stack, dataset, source, worker, tasks } = run;
  return await stack.databases.withCopy(dataset.database, async (copy) => {
    const url = stack.databases.urlOf(copy);
    await withPool(url, (pool) => pool.query(FLAT_TABLE));
    // A connector's name is also its group's: a new one begins at the start of the topic.
    const name = `sink-${source.name}-${String((runs += 1))}`;
    const meter = new Meter({ ...stack.servers, sink: [worker.pid] });
    try {
      const startedMs = Date.now();
      await worker.connect.putConfig(
        name,
        sinkConfig({ name, source, databaseUrl: url, tasks, tuned: 'bulk' }),
      );
      const timeline = await filled({ ...run, name, url });
      meter.stop();
      return measured({
        peer: `JDBC sink, ${String(tasks)} task${tasks === 1 ? '' : 's'}`,
        meter,
        timeline,
        startedMs,
        process: 'sink',
      });
    } finally {
      meter.stop();
      await worker.connect.delete(name);
    }
  });
}

/** Waits for the last row. Asks for the size of the table, which costs nothing, and counts when it no longer grows. */
async function filled({
  dataset,
  worker,
  name,
  url,
  signal,
}: SinkRun & { name: string; url: string }): Promise<Timeline> {
  return await withPool(url, async (pool) => {
    const size = async () => {
      const { rows } = await pool.query<{ bytes: string }>("SELECT pg_relation_size('public.flat') AS bytes");
      return Number(rows[0]?.bytes ?? 0);
    };
    let before = 0;
    for (;;) {
      await setTimeout(POLL_MS, undefined, { signal });
      await assertRunning(worker, name);
      const now = await size();
      if (now > 0 && now === before) {
        const { rows } = await pool.query<{ n: number }>('SELECT count(*)::integer AS n FROM public.flat');
        if (rows[0]?.n === dataset.rows) return await Timeline.of(pool, 'public.flat');
      }
      before = now;
    }
  });
}

export async function assertRunning({ connect }: SinkWorker, name: string): Promise<void> {
  const status = await connect.status(name);
  const failed = status?.tasks.find(({ state }) => state === 'FAILED');
  if (failed !== undefined)
    throw new Error(`the JDBC sink failed: ${failed.trace?.split('\n')[0] ?? 'it does not say why'}`);
}
