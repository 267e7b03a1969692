import type { BenchContext, Part } from '../part.ts';
import { project, type Projection } from '../peers/projector.ts';

/** What the rows of one stretch cost, as the tables grow. */
export interface Stretch {
  /** Rows that were there at its end. */
  readonly until: number;
  readonly rowsPerSecond: number;
  /** Microseconds of CPU a row, of the projector and of Postgres together. */
  readonly cpuMicros: number;
  /** The most memory that the projector had by then. */
  readonly peakMiB: number;
}

export interface Growth {
  readonly rows: number;
  readonly bytesARow: number;
  readonly stretches: readonly Stretch[];
  readonly foreignCores: number;
}

const STRETCHES = 10;

export const growth: Part<Growth> = {
  title: 'cost a row and memory as the tables grow',
  limitMinutes: 7,
  measure: async (context: BenchContext) => {
    const { stack, options, signal } = context;
    const dataset = await context.dataset({ name: 'many', rows: options.manyRows, shape: 'small' });
    const source = await context.topic(dataset, 'avro');
    const run = { stack, dataset, source, processes: 1, label: 'projector', signal };
    const projection = await project(run);
    return {
      rows: dataset.rows,
      bytesARow: dataset.bytesARow,
      stretches: stretchesOf(projection, dataset.rows),
      foreignCores: projection.measurement.foreignCores,
    };
  },
};

function stretchesOf({ timeline, meter }: Projection, rows: number): Stretch[] {
  return Array.from({ length: STRETCHES }, (_, index) => {
    const fromMs = index === 0 ? timeline.firstMs : timeline.reached((rows / STRETCHES) * index);
    const toMs = timeline.reached((rows / STRETCHES) * (index + 1));
    const written = timeline.rowsAt(toMs) - timeline.rowsAt(fromMs);
    const cpu = meter.cpuSeconds('projector', fromMs, toMs) + meter.cpuSeconds('postgres', fromMs, toMs);
    return {
      until: timeline.rowsAt(toMs),
      rowsPerSecond: written / ((toMs - fromMs) / 1000),
      cpuMicros: (cpu / written) * 1e6,
      peakMiB: meter.peakMiB('projector', toMs),
    };
  });
}
