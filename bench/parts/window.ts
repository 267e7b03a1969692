import type { Measurement } from '../measurement.ts';
import { rounds, type Part } from '../part.ts';
import { project } from '../peers/projector.ts';

/** Runs on data where the live path has recorded every owner's run. */
export interface Window {
  readonly rows: number;
  /** Of the rows: owners' runs, each linked to its live row. */
  readonly twins: number;
  readonly runs: readonly Measurement[];
}

const SHARE = 0.25;

export const window: Part<Window> = {
  title: 'matching inside the window',
  limitMinutes: 4,
  measure: async (context) => {
    const { stack, options, signal } = context;
    const rows = Math.round(options.rows * SHARE);
    const dataset = await context.dataset({ name: 'window', rows, shape: 'small', live: true });
    const source = await context.topic(dataset, 'avro');
    const runs: Measurement[] = [];
    let twins = 0;
    for (const run of rounds(context)) {
      signal.throwIfAborted();
      const label = 'projector, all in the window';
      const { measurement, decisions } = await project({
        stack,
        dataset,
        source,
        processes: 1,
        label,
        signal,
      });
      runs.push(measurement);
      twins = decisions['twin'] ?? 0;
      if ((decisions['projected'] ?? 0) > 0) throw new Error('an owner’s run found no twin');
      context.note(
        `  run ${String(run)}: ${Math.round(measurement.rowsPerSecond).toLocaleString('en')} rows/s`,
      );
    }
    return { rows, twins, runs };
  },
};
