import { setTimeout } from 'node:timers/promises';
import { applyConnector } from '../../operations/connector/apply.ts';
import { fillTemplate } from '../../connectors/deploy/template.ts';
import { createPool, type Pool } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { HistoryCdc, runHistoryCdc, THIS_CHECKOUT } from '../history-cdc.ts';
import { Meter } from '../meter.ts';
import { rounds, type BenchContext, type Part } from '../part.ts';
import { FLAT_TABLE, assertRunning, sinkConfig } from '../peers/jdbc-sink.ts';
import { percentile } from '../statistics.ts';
import { prepareSource, removeConnector, type Source } from '../topic.ts';
import { write } from '../writers.ts';

/** Milliseconds from commit to commit, of one stretch of writing. */
export interface LatencyRun {
  readonly peer: string;
  readonly rowsPerSecond: number;
  /** Less than that where the writers could not keep up. */
  readonly reached: number;
  readonly rows: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly foreignCores: number;
}

export type Latency = readonly LatencyRun[];

export const RATES = [50, 500, 2_000] as const;
const SECONDS = 6;
const WARM_UP = { rowsPerSecond: 500, seconds: 3 } as const;
const ROWS_BEFORE = 2_000;
const WRITERS = 16;
const POLL_MS = 100;
const LATENCY = sqlFile(import.meta.url, '../sql/latency.sql');

export const latency: Part<Latency> = {
  title: 'commit to visible',
  limitMinutes: 6,
  measure: async (context) => {
    const { stack } = context;
    const dataset = await context.dataset({ name: 'latency', rows: ROWS_BEFORE, shape: 'small' });
    const source = await prepareSource(stack, {
      name: 'latency',
      database: dataset.database,
      format: 'avro',
    });
    const pool = createPool({
      url: source.config.DATABASE_URL,
      name: 'history-cdc bench writers',
      connections: WRITERS,
    });
    try {
      await pool.query(FLAT_TABLE);
      await runHistoryCdc(['migrate'], invocationOf(source, context));
      await applyConnector(source.config, { note: () => undefined });
      return await takeTurns({ ...context, source, pool });
    } finally {
      await pool.end();
      await removeConnector(stack, source);
    }
  },
};

interface Streaming extends BenchContext {
  readonly source: Source;
  readonly pool: Pool;
}

/** A peer that follows the topic: where its rows are, and what keeps it going. */
interface Follower {
  readonly peer: string;
  readonly target: string;
  readonly key: string;
  /** Gives its processes' id, and what ends it. */
  start(): Promise<{ readonly pid: number; check(): Promise<void>; stop(): Promise<unknown> }>;
}

async function takeTurns(streaming: Streaming): Promise<LatencyRun[]> {
  const followers = [projector(streaming), sink(streaming)];
  const runs: LatencyRun[] = [];
  let next = ROWS_BEFORE + 1;
  for (const run of rounds(streaming)) {
    for (const follower of run % 2 === 1 ? followers : followers.toReversed()) {
      const measured = await follow(streaming, follower, next);
      next = measured.next;
      runs.push(...measured.runs);
      for (const { peer, rowsPerSecond, p50, p99 } of measured.runs)
        streaming.note(
          `  ${peer} at ${String(rowsPerSecond)}/s: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
        );
    }
  }
  return runs;
}

async function follow(
  streaming: Streaming,
  follower: Follower,
  first: number,
): Promise<{ next: number; runs: LatencyRun[] }> {
  const { pool, signal, stack } = streaming;
  const running = await follower.start();
  const meter = new Meter({ ...stack.servers, peer: [running.pid] });
  try {
    const arrived = (last: number) =>
      untilArrived(streaming, follower, { last, check: () => running.check() });
    const warm = await write({ pool, ...WARM_UP, first, signal });
    await arrived(warm.last);
    let next = warm.last + 1;
    const runs: LatencyRun[] = [];
    for (const rowsPerSecond of RATES) {
      const fromMs = Date.now();
      const writing = { pool, rowsPerSecond, seconds: SECONDS, first: next, signal };
      const { last, rowsPerSecond: reached } = await write(writing);
      const foreignCores = meter.foreignCores(fromMs, Date.now());
      await arrived(last);
      const ms = await latencies(pool, follower, { first: next, last });
      runs.push({ peer: follower.peer, rowsPerSecond, reached, foreignCores, ...figuresOf(ms) });
      next = last + 1;
    }
    return { next, runs };
  } finally {
    meter.stop();
    await running.stop();
  }
}

function figuresOf(ms: readonly number[]): Pick<LatencyRun, 'rows' | 'p50' | 'p99' | 'max'> {
  return { rows: ms.length, p50: percentile(ms, 0.5), p99: percentile(ms, 0.99), max: Math.max(...ms) };
}

async function latencies(
  pool: Pool,
  { target, key }: Follower,
  { first, last }: { readonly first: number; readonly last: number },
): Promise<number[]> {
  const { rows } = await pool.query<{ ms: number }>(fillTemplate(LATENCY, { target, key }), [first, last]);
  if (rows.length !== last - first + 1)
    throw new Error(`${String(rows.length)} rows arrived of ${String(last - first + 1)}`);
  return rows.map(({ ms }) => ms);
}

/** Every row up to this one is there: the table holds as many. */
async function untilArrived(
  { pool, signal }: Streaming,
  { target }: Follower,
  { last, check }: { readonly last: number; readonly check: () => Promise<void> },
): Promise<void> {
  for (;;) {
    const { rows } = await pool.query<{ n: number }>(`SELECT count(*)::integer AS n FROM ${target}`);
    if ((rows[0]?.n ?? 0) >= last) return;
    await check();
    await setTimeout(POLL_MS, undefined, { signal });
  }
}

function projector(streaming: Streaming): Follower {
  return {
    peer: 'projector',
    target: 'history_cdc.ledger',
    key: 'legacy_id',
    start: () => {
      const command = new HistoryCdc(['project'], invocationOf(streaming.source, streaming));
      // It ends only when it is asked to, or when it cannot go on.
      const failed = command.ended.then(() => Promise.reject(new Error('the projector ended')));
      failed.catch(() => undefined);
      const check = () => Promise.race([failed, Promise.resolve()]);
      return Promise.resolve({ pid: command.pid, check, stop: () => command.stop() });
    },
  };
}

let sinks = 0;

function sink({ source, ...streaming }: Streaming): Follower {
  return {
    peer: 'JDBC sink, 2 tasks',
    target: 'public.flat',
    key: 'id',
    start: async () => {
      const worker = await streaming.sinkWorker();
      const name = `sink-latency-${String((sinks += 1))}`;
      const databaseUrl = source.config.DATABASE_URL;
      await worker.connect.putConfig(
        name,
        sinkConfig({ name, source, databaseUrl, tasks: 2, tuned: 'latency' }),
      );
      const check = () => assertRunning(worker, name);
      return { pid: worker.pid, check, stop: () => worker.connect.delete(name) };
    },
  };
}

function invocationOf({ settings }: Source, { signal }: Pick<BenchContext, 'signal'>) {
  return { folder: THIS_CHECKOUT, settings, signal };
}
