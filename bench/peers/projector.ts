import { z } from 'zod';
import type { Pool } from '../../lib/postgres.ts';
import { withPool } from '../databases.ts';
import type { Dataset } from '../dataset.ts';
import { HistoryCdc, runHistoryCdc, THIS_CHECKOUT } from '../history-cdc.ts';
import { measured, type Measurement } from '../measurement.ts';
import { Meter } from '../meter.ts';
import type { BenchStack } from '../stack.ts';
import { Timeline } from '../timeline.ts';
import type { Source } from '../topic.ts';

export interface ProjectorRun {
  readonly stack: BenchStack;
  readonly dataset: Dataset;
  readonly source: Source;
  /** The checkout whose projector runs; this one unless told. */
  readonly folder?: string;
  readonly processes: number;
  readonly label: string;
  readonly signal: AbortSignal;
}

/** What was seen of a run, for figures that are not those of every peer. */
export interface Projection {
  readonly measurement: Measurement;
  /** Rows by what was decided on them. */
  readonly decisions: Readonly<Record<string, number>>;
  readonly timeline: Timeline;
  readonly meter: Meter;
}

const answer = z.object({
  records: z.object({ applied: z.number() }),
  decisions: z.record(z.string(), z.number()),
});

/** Projects a whole topic into a fresh copy of the database, with the command that a user runs. */
export async function project(run: ProjectorRun): Promise<Projection> {
  const { stack, dataset, source, signal, folder = THIS_CHECKOUT } = run;
  return await stack.databases.withCopy(dataset.database, async (copy) => {
    const url = stack.databases.urlOf(copy);
    const invocation = { folder, signal, settings: { ...source.settings, DATABASE_URL: url } };
    await runHistoryCdc(['migrate'], invocation);
    const meter = new Meter(stack.servers);
    try {
      const startedMs = Date.now();
      const commands = Array.from({ length: run.processes }, () => {
        return new HistoryCdc(['project', '--until-caught-up', '--json'], invocation);
      });
      meter.add(
        'projector',
        commands.map(({ pid }) => pid),
      );
      const answers = (await Promise.all(commands.map(({ ended }) => ended))).map((text) =>
        answer.parse(JSON.parse(text)),
      );
      meter.stop();
      const applied = answers.reduce((sum, { records }) => sum + records.applied, 0);
      if (applied !== dataset.rows)
        throw new Error(`${String(applied)} of ${String(dataset.rows)} rows were applied`);
      const timeline = await withPool(url, (pool) => Timeline.of(pool, 'history_cdc.ledger'));
      const measurement = measured({ peer: run.label, meter, timeline, startedMs, process: 'projector' });
      return { measurement, decisions: sumOf(answers), timeline, meter };
    } finally {
      meter.stop();
    }
  });
}

function sumOf(answers: readonly z.output<typeof answer>[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const { decisions } of answers) {
    for (const [decision, rows] of Object.entries(decisions)) sum[decision] = (sum[decision] ?? 0) + rows;
  }
  return sum;
}

/** Records that are projected, by the stored offsets: a question that costs nothing, however long the ledger is. */
export async function decidedSoFar(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ n: number }>(
    'SELECT coalesce(sum(next_offset), 0)::integer AS n FROM history_cdc.consumer_offset',
  );
  return rows[0]?.n ?? 0;
}
