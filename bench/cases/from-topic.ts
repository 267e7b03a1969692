import { setTimeout } from 'node:timers/promises';
import { applyConnector } from '../../operations/connector/apply.ts';
import type { KafkaCluster } from '../../lib/kafka-cluster.ts';
import type { Pool } from '../../lib/postgres.ts';
import { withPool } from '../databases.ts';
import type { Dataset } from '../dataset.ts';
import { runHistoryCdc, THIS_CHECKOUT } from '../history-cdc.ts';
import type { BenchContext } from '../part.ts';
import { FLAT_TABLE } from '../peers/jdbc-sink.ts';
import { recordsIn, withCluster, withStreamingCopy, type Source } from '../topic.ts';
import { MERGE_CONTEXT, seenInCanonical, type Seen } from './seen.ts';
import { Sink } from './sink.ts';

const POLL_MS = 50;

/** The projector and the JDBC sink on one stream: the snapshot, then the same two updates. */
export async function streamOnCases(context: BenchContext, dataset: Dataset): Promise<Seen[]> {
  const { stack } = context;
  return await withStreamingCopy(stack, { name: 'cases', database: dataset.database }, (source) =>
    withPool(source.config.DATABASE_URL, async (pool) => {
      await pool.query(FLAT_TABLE);
      await applyConnector(source.config, { note: () => undefined });
      return await withCluster(source.config, (cluster) => runCases({ ...context, source, pool, cluster }));
    }),
  );
}

interface Streaming extends BenchContext {
  readonly source: Source;
  readonly pool: Pool;
  readonly cluster: KafkaCluster;
}

async function runCases(streaming: Streaming): Promise<Seen[]> {
  const { source, pool, signal } = streaming;
  const historyCdc = (args: string[]) =>
    runHistoryCdc(args, { folder: THIS_CHECKOUT, settings: source.settings, signal });
  const sink = new Sink({ ...streaming, worker: await streaming.sinkWorker() });
  await historyCdc(['migrate']);
  await historyCdc(['project', '--until-caught-up']);
  await sink.readsAll();
  const bySink = [...(await sink.seenOfRows()), await sink.readsTwice()];
  // The text column first: the update of the jsonb column is the sink's last.
  await merged(streaming, 'large text');
  bySink.push(await sink.seenOfText());
  await merged(streaming, 'large jsonb');
  bySink.push(await sink.seenOfJsonb());
  await sink.stop();
  await historyCdc(['project', '--until-caught-up']);
  const before = await everything(pool);
  await historyCdc(['replay']);
  const same = (await everything(pool)) === before;
  const what = same
    ? 'replayed: ledger and canonical rows are the same to the byte'
    : 'replayed: rows changed';
  return [
    ...(await seenInCanonical(pool, 'projector')),
    { peer: 'projector', case: 'redelivery', good: same, what },
    ...bySink,
  ];
}

async function merged({ pool, cluster, source, signal }: Streaming, name: string): Promise<void> {
  const before = await recordsIn(cluster, source.topic);
  await pool.query(MERGE_CONTEXT, [name]);
  while ((await recordsIn(cluster, source.topic)) === before)
    await setTimeout(POLL_MS, undefined, { signal });
}

const EVERYTHING = `
  SELECT md5(string_agg(row, E'\\n' ORDER BY row)) AS hash
  FROM (SELECT r::text AS row FROM agent_compliance_runs r UNION ALL SELECT l::text FROM history_cdc.ledger l) AS rows`;

async function everything(pool: Pool): Promise<string | undefined> {
  return (await pool.query<{ hash: string }>(EVERYTHING)).rows[0]?.hash;
}
