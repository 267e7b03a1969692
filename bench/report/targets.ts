import type { LatencyRun } from '../parts/latency.ts';
import type { ShapeRuns } from '../parts/throughput.ts';
import { figuresOf, type Results } from '../results.ts';
import { spreadOf } from '../statistics.ts';

/** One line of the table. `met` is undefined where nothing was measured. */
export interface Target {
  readonly measure: string;
  readonly target: string;
  readonly measured: string;
  readonly met: boolean | undefined;
}

export const PEERS = {
  bulk: 'bulk insert',
  script: 'earlier script',
  sink: 'JDBC sink, 2 tasks',
  one: 'projector, 1 process, Avro',
  two: 'projector, 2 processes, Avro',
} as const;

export function targetsOf(results: Results): Target[] {
  return [...throughputTargets(results), ...memoryTargets(results), ...otherTargets(results)];
}

type Judged = Pick<Target, 'measured' | 'met'>;
const NOT_MEASURED: Judged = { measured: 'not measured', met: undefined };

function throughputTargets(results: Results): Target[] {
  const figures = figuresOf(results, 'throughput');
  const of = (judge: (runs: ShapeRuns, own: string) => Judged): Judged => {
    if (figures === undefined) return NOT_MEASURED;
    const own = bestProjector(figures.small);
    return own === undefined ? NOT_MEASURED : judge(figures.small, own);
  };
  const beside = (other: string, wanted: number) => of((shape, own) => ratioOf(shape, [own, other], wanted));
  const what = 'topic to canonical and ledger, Avro';
  return [
    {
      measure: what,
      target: 'at least 35,000 rows/s',
      ...of((shape, own) => {
        const { median, min, max } = spreadOf(rates(shape, own));
        return {
          measured: `${count(median)} rows/s (${count(min)} to ${count(max)}; ${own})`,
          met: median >= 35_000,
        };
      }),
    },
    { measure: what, target: "at least 20 times the earlier script's", ...beside(PEERS.script, 20) },
    { measure: what, target: 'at least 0.5 of the bulk insert', ...beside(PEERS.bulk, 0.5) },
    { measure: what, target: 'at least 1.0 of the JDBC sink with two tasks', ...beside(PEERS.sink, 1) },
    {
      measure: 'CPU a million rows',
      target: "at most half of the JDBC sink's process",
      ...of((shape) => {
        const [own, sink] = [cpuOf(shape, PEERS.one, 'projector'), cpuOf(shape, PEERS.sink, 'sink')];
        if (own === undefined || sink === undefined) return NOT_MEASURED;
        return {
          measured: `${own.toFixed(0)} s, the sink's ${sink.toFixed(0)} s: ${(own / sink).toFixed(2)}`,
          met: own <= sink / 2,
        };
      }),
    },
  ];
}

export function rates({ runs }: ShapeRuns, peer: string): number[] {
  return runs.filter((run) => run.peer === peer).map(({ rowsPerSecond }) => rowsPerSecond);
}

/** One process or two: which has the better median; undefined where neither has run. */
function bestProjector(shape: ShapeRuns): string | undefined {
  const [best] = [PEERS.one, PEERS.two]
    .map((peer) => ({ peer, all: rates(shape, peer) }))
    .filter(({ all }) => all.length > 0)
    .sort((a, b) => spreadOf(b.all).median - spreadOf(a.all).median);
  return best?.peer;
}

/** Round by round: what disturbed a round has disturbed both. */
function ratioOf(shape: ShapeRuns, [own, other]: [string, string], wanted: number): Judged {
  const others = rates(shape, other);
  const ratios = rates(shape, own).flatMap((rate, round) =>
    others[round] === undefined ? [] : [rate / others[round]],
  );
  if (ratios.length === 0) return NOT_MEASURED;
  const { median, min, max } = spreadOf(ratios);
  return { measured: `${median.toFixed(2)} (${min.toFixed(2)} to ${max.toFixed(2)})`, met: median >= wanted };
}

function cpuOf({ runs }: ShapeRuns, peer: string, group: string): number | undefined {
  const seconds = runs.filter((run) => run.peer === peer).flatMap(({ cpu }) => cpu[group] ?? []);
  return seconds.length === 0 ? undefined : spreadOf(seconds).median;
}

function memoryTargets(results: Results): Target[] {
  const figures = figuresOf(results, 'growth');
  const first = figures?.stretches[0];
  const last = figures?.stretches.at(-1);
  if (figures === undefined || first === undefined || last === undefined) {
    return [
      { measure: 'memory of the projector', target: 'at most 256 MiB, flat', ...NOT_MEASURED },
      { measure: 'growth', target: 'cost a row at the end within 10 % of the start', ...NOT_MEASURED },
    ];
  }
  // The first stretch also warms up.
  const start = figures.stretches[1] ?? first;
  const [cpu, wall] = [last.cpuMicros / start.cpuMicros, start.rowsPerSecond / last.rowsPerSecond];
  return [
    {
      measure: 'memory of the projector',
      target: 'at most 256 MiB, flat',
      measured: `${last.peakMiB.toFixed(0)} MiB at ${count(last.until)} rows, ${first.peakMiB.toFixed(0)} MiB at ${count(first.until)}`,
      met: last.peakMiB <= 256 && last.peakMiB <= first.peakMiB * 1.15,
    },
    {
      measure: `growth, ${count(figures.rows)} rows`,
      target: 'cost a row at the end within 10 % of the start',
      measured: `CPU ${change(cpu)} (${start.cpuMicros.toFixed(0)} to ${last.cpuMicros.toFixed(0)} µs a row), time ${change(wall)}`,
      met: cpu <= 1.1 && wall <= 1.1,
    },
  ];
}

function otherTargets(results: Results): Target[] {
  const way = figuresOf(results, 'wholeWay');
  const window = figuresOf(results, 'window');
  const writers = figuresOf(results, 'writers');
  const ofWay = (): Judged => {
    if (way === undefined) return NOT_MEASURED;
    const ratios = way.whole.flatMap(({ rowsPerSecond }, round) => {
      const alone = way.alone[round];
      return alone === undefined ? [] : [rowsPerSecond / alone.rowsPerSecond];
    });
    const { median, min, max } = spreadOf(ratios);
    return { measured: `${median.toFixed(2)} (${min.toFixed(2)} to ${max.toFixed(2)})`, met: median >= 0.7 };
  };
  const ofWindow = (): Judged => {
    if (window === undefined) return NOT_MEASURED;
    const { median, min, max } = spreadOf(window.runs.map(({ rowsPerSecond }) => rowsPerSecond));
    return { measured: `${count(median)} rows/s (${count(min)} to ${count(max)})`, met: median >= 15_000 };
  };
  const ofWriters = (): Judged => {
    if (writers === undefined) return NOT_MEASURED;
    const p99 = (snapshot: boolean) =>
      spreadOf(writers.runs.filter((run) => run.snapshot === snapshot).map((run) => run.p99));
    const [without, during] = [p99(false), p99(true)];
    const ratio = during.median / without.median;
    return {
      measured: `${ms(without.median)} without, ${ms(during.median)} during: ${change(ratio)}`,
      met: ratio <= 1.1,
    };
  };
  return [
    { measure: 'the whole way', target: "at least 0.7 of Debezium's snapshot alone", ...ofWay() },
    ...latencyTargets(figuresOf(results, 'latency')),
    { measure: 'matching in the window', target: 'at least 15,000 rows/s', ...ofWindow() },
    { measure: "source writers' p99", target: 'within 10 % during a snapshot', ...ofWriters() },
  ];
}

function latencyTargets(runs: readonly LatencyRun[] | undefined): Target[] {
  const of = (peer: string, rate: number, value: (run: LatencyRun) => number) => {
    const own = (runs ?? []).filter((run) => run.peer === peer && run.rowsPerSecond === rate).map(value);
    return own.length === 0 ? undefined : spreadOf(own).median;
  };
  const judge = (
    rate: number,
    value: (run: LatencyRun) => number,
    fits: (own: number, sink: number) => boolean,
  ): Judged => {
    const [own, sink] = [of('projector', rate, value), of(PEERS.sink, rate, value)];
    if (own === undefined || sink === undefined) return NOT_MEASURED;
    return { measured: `${ms(own)}, the sink ${ms(sink)}`, met: fits(own, sink) };
  };
  const p50 = ({ p50: value }: LatencyRun) => value;
  const p99 = ({ p99: value }: LatencyRun) => value;
  return [
    {
      measure: 'commit to visible, 500 rows/s, p50',
      target: 'at most 10 ms, ahead of the sink',
      ...judge(500, p50, (own, sink) => own <= 10 && own <= sink),
    },
    {
      measure: 'commit to visible, 500 rows/s, p99',
      target: 'at most 25 ms, ahead of the sink',
      ...judge(500, p99, (own, sink) => own <= 25 && own <= sink),
    },
    {
      measure: 'commit to visible, 2,000 rows/s, p99',
      target: 'at most 60 ms',
      ...judge(2_000, p99, (own) => own <= 60),
    },
  ];
}

export function count(rows: number): string {
  return Math.round(rows).toLocaleString('en');
}

export function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}

function change(ratio: number): string {
  const percent = (ratio - 1) * 100;
  return `${percent < 0 ? '' : '+'}${percent.toFixed(0)} %`;
}
