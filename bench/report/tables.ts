import { CASES } from '../cases/seen.ts';
import type { Correctness } from '../parts/correctness.ts';
import type { FirstRow } from '../parts/first-row.ts';
import type { Growth } from '../parts/growth.ts';
import { RATES, type Latency, type LatencyRun } from '../parts/latency.ts';
import type { ShapeRuns } from '../parts/throughput.ts';
import type { WholeWay } from '../parts/whole-way.ts';
import type { Writers } from '../parts/writers.ts';
import { spreadOf } from '../statistics.ts';

/** A table that is printed, or put on the page. */
export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/** One row a peer, in the order of their first runs: rate with its spread, CPU by process, memory, disturbance. */
export function peersTable({ runs }: Pick<ShapeRuns, 'runs'>): Table {
  const peers = [...new Set(runs.map(({ peer }) => peer))];
  const rows = peers.map((peer) => {
    const own = runs.filter((run) => run.peer === peer);
    const rate = spreadOf(own.map(({ rowsPerSecond }) => rowsPerSecond));
    const cpu = (group: string) => {
      const seconds = own.flatMap(({ cpu: used }) => used[group] ?? []);
      return seconds.length === 0 ? '' : spreadOf(seconds).median.toFixed(0);
    };
    const memory = own.flatMap(({ peakMiB }) => peakMiB ?? []);
    return [
      peer,
      Math.round(rate.median),
      `${inThousands(rate.min)} to ${inThousands(rate.max)}`,
      spreadOf(own.map(({ wallSeconds }) => wallSeconds)).median.toFixed(1),
      cpu('projector') || cpu('sink'),
      cpu('postgres'),
      cpu('kafka'),
      memory.length === 0 ? '' : Math.max(...memory).toFixed(0),
      Math.max(...own.map(({ foreignCores }) => foreignCores)).toFixed(2),
    ];
  });
  return {
    head: [
      'peer',
      'rows/s',
      'spread',
      'seconds',
      'CPU own',
      'CPU Postgres',
      'CPU Kafka',
      'MiB',
      'others’ load',
    ],
    rows,
  };
}

function inThousands(rate: number): string {
  return `${(rate / 1000).toFixed(1)} k`;
}

export function growthTable({ stretches }: Growth): Table {
  return {
    head: ['rows there', 'rows/s', 'CPU µs a row', 'MiB of the projector'],
    rows: stretches.map(({ until, rowsPerSecond, cpuMicros, peakMiB }) => [
      until,
      Math.round(rowsPerSecond),
      cpuMicros.toFixed(1),
      peakMiB.toFixed(0),
    ]),
  };
}

export function wholeWayTable({ alone, whole }: WholeWay): Table {
  const row = (what: string, journeys: WholeWay['alone']) => {
    const { median, min, max } = spreadOf(journeys.map(({ rowsPerSecond }) => rowsPerSecond));
    const load = Math.max(...journeys.map(({ foreignCores }) => foreignCores));
    return [what, Math.round(median), `${inThousands(min)} to ${inThousands(max)}`, load.toFixed(2)];
  };
  return {
    head: ['way', 'rows/s', 'spread', 'others’ load'],
    rows: [row("Debezium's snapshot alone", alone), row('snapshot and projection', whole)],
  };
}

/** Medians over the rounds; the worst of all is the worst. */
export function latencyTable(runs: Latency): Table {
  const peers = [...new Set(runs.map(({ peer }) => peer))];
  const rows = RATES.flatMap((rate) =>
    peers.map((peer) => {
      const own = runs.filter((run) => run.peer === peer && run.rowsPerSecond === rate);
      const median = (value: (run: LatencyRun) => number) => spreadOf(own.map(value)).median.toFixed(1);
      const p99 = spreadOf(own.map((run) => run.p99));
      const reached = Math.min(...own.map((run) => run.reached));
      return [
        reached < rate * 0.95 ? `${String(rate)}, ${reached.toFixed(0)} reached` : String(rate),
        peer,
        median((run) => run.p50),
        median((run) => run.p99),
        `${p99.min.toFixed(1)} to ${p99.max.toFixed(1)}`,
        Math.max(...own.map(({ max }) => max)).toFixed(1),
        Math.max(...own.map(({ foreignCores }) => foreignCores)).toFixed(2),
      ];
    }),
  );
  return { head: ['rows/s', 'peer', 'p50 ms', 'p99 ms', 'p99, spread', 'max ms', 'others’ load'], rows };
}

export function writersTable({ runs }: Writers): Table {
  const row = (snapshot: boolean) => {
    const own = runs.filter((run) => run.snapshot === snapshot);
    const p99 = spreadOf(own.map((run) => run.p99));
    return [
      snapshot ? 'during a snapshot' : 'without',
      spreadOf(own.map(({ p50 }) => p50)).median.toFixed(2),
      p99.median.toFixed(2),
      `${p99.min.toFixed(2)} to ${p99.max.toFixed(2)}`,
      Math.max(...own.map(({ foreignCores }) => foreignCores)).toFixed(2),
    ];
  };
  return {
    head: ['source writers', 'p50 ms', 'p99 ms', 'p99, spread', 'others’ load'],
    rows: [row(false), row(true)],
  };
}

export function firstRowTable({ stackUp, connectorApplied, projected }: FirstRow): Table {
  return {
    head: ['step', 'seconds'],
    rows: [
      ['`stack up`, jars fetched before', stackUp.toFixed(1)],
      [
        'source SQL, `migrate`, `connector apply` (snapshot of 1,000 rows, proved by a heartbeat)',
        connectorApplied.toFixed(1),
      ],
      ['`project`, until its first commit', projected.toFixed(1)],
      ['together', (stackUp + connectorApplied + projected).toFixed(1)],
    ],
  };
}

/** A case a line, a peer a column. */
export function correctnessTable(seen: Correctness): Table {
  const peers = [...new Set(seen.map(({ peer }) => peer))];
  const names = Object.keys(CASES) as (keyof typeof CASES)[];
  return {
    head: ['case', ...peers],
    rows: names.map((name) => [
      CASES[name],
      ...peers.map((peer) => {
        const found = seen.find((one) => one.peer === peer && one.case === name);
        return found === undefined ? '' : `${found.good ? '✓' : '✗'} ${found.what}`;
      }),
    ]),
  };
}
