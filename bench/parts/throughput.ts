import { messageOf } from '../../lib/errors.ts';
import type { Dataset } from '../dataset.ts';
import type { Measurement } from '../measurement.ts';
import { rounds, type BenchContext, type Part } from '../part.ts';
import { insertInBulk } from '../peers/bulk-insert.ts';
import { sampleScript } from '../peers/earlier-script.ts';
import { sink } from '../peers/jdbc-sink.ts';
import { project } from '../peers/projector.ts';
import type { Source } from '../topic.ts';

/** Runs of all peers on rows of one shape. */
export interface ShapeRuns {
  readonly rows: number;
  /** Of a legacy row, as text. */
  readonly bytesARow: number;
  readonly runs: readonly Measurement[];
  /** The errors of failed runs. There should be none. */
  readonly failures: readonly string[];
}

export interface Throughput {
  readonly small: ShapeRuns;
  readonly large: ShapeRuns;
}

type Peer = () => Promise<Measurement>;

/** Rows of the large shape: they take three times as long, and are there for comparison. */
const LARGE_SHARE = 0.4;
/** The share of the part's time that the small rows may use. */
const SMALL_TIME = 0.7;

export const throughput: Part<Throughput> = {
  title: 'topic to canonical, history',
  limitMinutes: 12,
  measure: async (context) => {
    const { rows } = context.options;
    const begunMs = Date.now();
    const smallEndsAtMs = begunMs + (context.endsAtMs - begunMs) * SMALL_TIME;
    const small = await context.dataset({ name: 'small', rows, shape: 'small' });
    const large = { name: 'large', rows: Math.round(rows * LARGE_SHARE), shape: 'large' } as const;
    return {
      small: await runShape({ ...context, endsAtMs: smallEndsAtMs }, small, everybody),
      large: await runShape(context, await context.dataset(large), theMain),
    };
  },
};

/**
 * Runs the peers one after the other. Every second round has the reverse order, so that no peer always follows the same
 * one.
 */
async function runShape(
  context: BenchContext,
  dataset: Dataset,
  peersOf: (context: BenchContext, dataset: Dataset) => Promise<Peer[]>,
): Promise<ShapeRuns> {
  const peers = await peersOf(context, dataset);
  const runs: Measurement[] = [];
  const failures: string[] = [];
  for (const round of rounds(context)) {
    for (const peer of round % 2 === 1 ? peers : peers.toReversed()) {
      context.signal.throwIfAborted();
      try {
        const measurement = await peer();
        runs.push(measurement);
        context.note(`  run ${String(round)}, ${measurement.peer}: ${textOf(measurement)}`);
      } catch (error) {
        // If one peer fails, the figures of the others must be kept.
        failures.push(messageOf(error));
        context.note(`  run ${String(round)}: ${messageOf(error)}`);
      }
    }
  }
  return { rows: dataset.rows, bytesARow: dataset.bytesARow, runs, failures };
}

function textOf({ rowsPerSecond }: Measurement): string {
  return `${Math.round(rowsPerSecond).toLocaleString('en')} rows/s`;
}

async function everybody(context: BenchContext, dataset: Dataset): Promise<Peer[]> {
  const { stack, signal } = context;
  const avro = await context.topic(dataset, 'avro');
  const json = await context.topic(dataset, 'json');
  return [
    () => insertInBulk(stack, dataset),
    () => sampleScript(stack, dataset, signal),
    await sinkPeer(context, dataset, 1),
    projector(context, dataset, { source: avro, processes: 1 }),
    await sinkPeer(context, dataset, 2),
    projector(context, dataset, { source: avro, processes: 2 }),
    projector(context, dataset, { source: json, processes: 1 }),
    projector(context, dataset, { source: json, processes: 2 }),
  ];
}

async function theMain(context: BenchContext, dataset: Dataset): Promise<Peer[]> {
  const avro = await context.topic(dataset, 'avro');
  return [
    () => insertInBulk(context.stack, dataset),
    projector(context, dataset, { source: avro, processes: 1 }),
    await sinkPeer(context, dataset, 2),
  ];
}

async function sinkPeer(context: BenchContext, dataset: Dataset, tasks: number): Promise<Peer> {
  const [source, worker] = [await context.topic(dataset, 'avro'), await context.sinkWorker()];
  return () => sink({ ...context, dataset, source, worker, tasks });
}

function projector(
  { stack, signal }: BenchContext,
  dataset: Dataset,
  { source, processes }: { readonly source: Source; readonly processes: number },
): Peer {
  const format = source.format === 'avro' ? 'Avro' : 'JSON';
  const label = `projector, ${String(processes)} process${processes === 1 ? '' : 'es'}, ${format}`;
  return async () => (await project({ stack, dataset, source, processes, label, signal })).measurement;
}
