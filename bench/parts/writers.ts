import { setTimeout } from 'node:timers/promises';
import { applyConnector } from '../../operations/connector/apply.ts';
import type { KafkaCluster } from '../../lib/kafka-cluster.ts';
import { SOURCE_SCHEMA } from '../../lib/names.ts';
import { createPool, type Pool } from '../../lib/postgres.ts';
import { ROLES } from '../../stack/state.ts';
import { runHistoryCdc, THIS_CHECKOUT } from '../history-cdc.ts';
import { Meter } from '../meter.ts';
import { rounds, type BenchContext, type Part } from '../part.ts';
import { percentile } from '../statistics.ts';
import { recordsIn, withCluster, withStreamingCopy, type Source } from '../topic.ts';
import { write } from '../writers.ts';

/** Milliseconds that the application waits for the answer to a commit on the legacy table, of one stretch. */
export interface WritersRun {
  readonly snapshot: boolean;
  readonly rows: number;
  readonly p50: number;
  readonly p99: number;
  readonly foreignCores: number;
}

export interface Writers {
  readonly rowsPerSecond: number;
  readonly runs: readonly WritersRun[];
}

const ROWS_PER_SECOND = 400;
const SECONDS = 5;
const WRITERS = 16;
const POLL_MS = 100;
const MAY_SIGNAL = `
  GRANT USAGE ON SCHEMA ${SOURCE_SCHEMA} TO ${ROLES.app};
  GRANT SELECT, INSERT ON ${SOURCE_SCHEMA}.signal TO ${ROLES.app};
  GRANT SELECT ON ${SOURCE_SCHEMA}.heartbeat TO ${ROLES.app}`;

/**
 * The connector streams all the while, so what is told apart is the incremental snapshot alone: it is held against the
 * stretch before it. No projector: where the canonical tables are in another database, it does not meet the writers.
 */
export const writers: Part<Writers> = {
  title: 'source writers with and without a running snapshot',
  limitMinutes: 4,
  measure: async (context) => {
    const { stack, options } = context;
    const dataset = await context.dataset({ name: 'small', rows: options.rows, shape: 'small' });
    return await withStreamingCopy(stack, { name: 'writers', database: dataset.database }, async (source) => {
      const pool = createPool({
        url: source.config.DATABASE_URL,
        name: 'history-cdc bench writers',
        connections: WRITERS,
      });
      try {
        // `snapshot start` writes the signal, and looks for the ledger.
        await stack.databases.asSuperuser((dba) => dba.query(MAY_SIGNAL), source.database);
        await historyCdc(['migrate'], source, context);
        await applyConnector(source.config, { note: () => undefined });
        return await withCluster(source.config, (cluster) => {
          return takeTurns({ ...context, source, pool, cluster, first: dataset.rows + 1 });
        });
      } finally {
        await pool.end();
      }
    });
  },
};

interface Streaming extends BenchContext {
  readonly source: Source;
  readonly pool: Pool;
  readonly cluster: KafkaCluster;
  /** Number of the first row to write. */
  readonly first: number;
}

async function takeTurns(streaming: Streaming): Promise<Writers> {
  const { note } = streaming;
  let next = streaming.first;
  const runs: WritersRun[] = [];
  const stretch = async (snapshot: boolean) => {
    const run = await measureStretch(streaming, next, snapshot);
    next += run.rows;
    runs.push(run);
    note(
      `  ${snapshot ? 'with' : 'without'} snapshot: p50 ${run.p50.toFixed(1)} ms, p99 ${run.p99.toFixed(1)} ms`,
    );
  };
  // The first one warms up: plans, pages, the connector's code.
  next += (await measureStretch(streaming, next, false)).rows;
  for (const round of rounds(streaming)) {
    note(`  round ${String(round)}`);
    await stretch(false);
    const before = await recordsIn(streaming.cluster, streaming.source.topic);
    await startSnapshot(streaming);
    await stretch(true);
    await untilRead(streaming, before + next - 1);
  }
  return { rowsPerSecond: ROWS_PER_SECOND, runs };
}

async function measureStretch(
  { pool, signal, stack }: Streaming,
  first: number,
  snapshot: boolean,
): Promise<WritersRun> {
  const meter = new Meter(stack.servers);
  try {
    const fromMs = Date.now();
    const writing = { pool, rowsPerSecond: ROWS_PER_SECOND, seconds: SECONDS, first, signal };
    const { answeredMs } = await write(writing);
    return {
      snapshot,
      rows: answeredMs.length,
      p50: percentile(answeredMs, 0.5),
      p99: percentile(answeredMs, 0.99),
      foreignCores: meter.foreignCores(fromMs, Date.now()),
    };
  } finally {
    meter.stop();
  }
}

/** Returns when Debezium has said that it began. */
async function startSnapshot(streaming: Streaming): Promise<void> {
  await historyCdc(['snapshot', 'start'], streaming.source, streaming);
}

async function historyCdc(
  args: readonly string[],
  { settings }: Source,
  { signal }: Pick<BenchContext, 'signal'>,
): Promise<void> {
  await runHistoryCdc(args, { folder: THIS_CHECKOUT, settings, signal });
}

/** The snapshot has sent the whole table, what was written meanwhile included. */
async function untilRead({ cluster, source, signal }: Streaming, records: number): Promise<void> {
  while ((await recordsIn(cluster, source.topic)) < records) await setTimeout(POLL_MS, undefined, { signal });
}
