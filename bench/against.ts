import path from 'node:path';
import { drawScreen } from '../lib/screen.ts';
import { tableOf } from '../lib/table.ts';
import { contextOf, sharedThings } from './context.ts';
import { THIS_CHECKOUT } from './history-cdc.ts';
import type { Measurement } from './measurement.ts';
import { rounds, type BenchOptions } from './part.ts';
import { project } from './peers/projector.ts';
import { peersTable } from './report/tables.ts';
import type { BenchStack } from './stack.ts';
import { spreadOf } from './statistics.ts';

const ALLOWED_DROP = 0.05;

interface Comparison {
  readonly stack: BenchStack;
  readonly other: string;
  readonly options: BenchOptions;
  /** `large`: rows like the demo's. */
  readonly shape: 'small' | 'large';
  /** All owners' runs lie in the window. */
  readonly live: boolean;
  readonly stop: AbortSignal;
  readonly note: (line: string) => void;
  readonly print: (line: string) => void;
}

/**
 * Measures the projectors of two checkouts in turns, on the same topic. Returns false if the median of this checkout is
 * more than 5 % below the other's.
 */
export async function compareCheckouts(comparison: Comparison): Promise<boolean> {
  const { stack, options, stop, note, print, shape, live } = comparison;
  const rest = { options, note, signal: stop, endsAtMs: Infinity };
  const context = contextOf(stack, sharedThings(stack, note, stop), rest);
  const plan = { name: 'compared', rows: options.rows, shape } as const;
  const dataset = await context.dataset(live ? { ...plan, live } : plan);
  const source = await context.topic(dataset, 'avro');
  const checkouts = [
    { label: 'this checkout', folder: THIS_CHECKOUT },
    { label: comparison.other, folder: path.resolve(comparison.other) },
  ];
  const runs: Measurement[] = [];
  for (const run of rounds(context)) {
    for (const checkout of run % 2 === 1 ? checkouts : checkouts.toReversed()) {
      const { measurement } = await project({
        stack,
        dataset,
        source,
        processes: 1,
        signal: stop,
        ...checkout,
      });
      note(
        `  run ${String(run)}, ${checkout.label}: ${Math.round(measurement.rowsPerSecond).toLocaleString('en')} rows/s`,
      );
      runs.push(measurement);
    }
  }
  const table = peersTable({ runs });
  print(drawScreen([tableOf(table.head, table.rows)]));
  const [own = 0, other = 0] = checkouts.map(({ label }) => {
    return spreadOf(runs.filter(({ peer }) => peer === label).map(({ rowsPerSecond }) => rowsPerSecond))
      .median;
  });
  print(`this checkout has ${((own / other - 1) * 100).toFixed(1)} % more rows/s`);
  return own >= other * (1 - ALLOWED_DROP);
}
