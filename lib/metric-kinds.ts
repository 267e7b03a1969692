import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Takes every sample of the gauges away. `reset` alone would set a gauge without labels to 0. */
export function forget(...gauges: readonly Pick<Gauge, 'reset' | 'remove'>[]): void {
  for (const gauge of gauges) {
    gauge.reset();
    gauge.remove({});
  }
}

interface States<L extends string> {
  readonly label: L;
  readonly all: readonly string[];
  readonly current: string;
}

/** One sample per state: 1 for the state that holds, 0 for all others. */
export function setState<L extends string>(gauge: Gauge<L>, { label, all, current }: States<L>): void {
  for (const state of all) gauge.set({ [label]: state } as Record<L, string>, state === current ? 1 : 0);
}

export type Make = ReturnType<typeof makerOf>;

export function makerOf(registry: Registry) {
  const registers = [registry];
  return {
    counter: <L extends string = never>(name: string, help: string, ...labelNames: L[]) =>
      new Counter<L>({ name, help, labelNames, registers }),
    gauge: <L extends string = never>(name: string, help: string, ...labelNames: L[]) =>
      new Gauge<L>({ name, help, labelNames, registers }),
    /** A gauge without labels that has no sample until it is set. */
    unknown: (name: string, help: string) => {
      const gauge = new Gauge({ name, help, registers });
      gauge.remove();
      return gauge;
    },
    histogram: (name: string, help: string, buckets: number[]) =>
      new Histogram({ name, help, buckets, registers }),
  };
}
