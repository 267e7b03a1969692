import type { Outcome } from './part.ts';
import { correctness } from './parts/correctness.ts';
import { firstRow } from './parts/first-row.ts';
import { growth } from './parts/growth.ts';
import { latency } from './parts/latency.ts';
import { throughput } from './parts/throughput.ts';
import { wholeWay } from './parts/whole-way.ts';
import { window } from './parts/window.ts';
import { writers } from './parts/writers.ts';

/** Every part, in the order in which they run: the first measures a stack that has just come up. */
export const PARTS = {
  firstRow,
  throughput,
  wholeWay,
  latency,
  correctness,
  growth,
  window,
  writers,
} as const;

export type PartName = keyof typeof PARTS;
export const PART_NAMES = Object.keys(PARTS) as PartName[];

export type FiguresOf<P extends PartName> = Awaited<ReturnType<(typeof PARTS)[P]['measure']>>;

/** Everything that a bench has found out: what `results.json` holds. */
export interface Results {
  readonly startedAt: string;
  readonly minutes: number;
  readonly machine: {
    readonly cores: number;
    readonly processor: string;
    readonly memoryGiB: number;
    readonly system: string;
  };
  readonly versions: Readonly<Record<string, string>>;
  readonly options: { readonly rows: number; readonly manyRows: number; readonly runs: number };
  readonly parts: { readonly [P in PartName]?: Outcome<FiguresOf<P>> };
}

/** The figures of a part, where it has any. */
export function figuresOf<P extends PartName>(results: Results, name: P): FiguresOf<P> | undefined {
  const outcome = results.parts[name];
  return outcome?.kind === 'measured' ? outcome.figures : undefined;
}
