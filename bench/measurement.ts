import type { Meter } from './meter.ts';
import type { Timeline } from './timeline.ts';

/** One run of one peer. */
export interface Measurement {
  readonly peer: string;
  readonly rows: number;
  /** From its first commit to its last. */
  readonly rowsPerSecond: number;
  /** From the start of its process, or of its connector, to its last commit. */
  readonly wallSeconds: number;
  /** CPU seconds a million rows between first and last commit, by the processes that used them. */
  readonly cpu: Readonly<Record<string, number>>;
  /** MiB of the peer's own process; null where it has none. */
  readonly peakMiB: number | null;
  /** Cores that somebody else had meanwhile: above 0.1 the run was disturbed. */
  readonly foreignCores: number;
}

interface Observed {
  readonly peer: string;
  readonly meter: Meter;
  readonly timeline: Timeline;
  readonly startedMs: number;
  /** The group of the peer's own processes. */
  readonly process: string;
}

const MILLION = 1e6;
const TOLD = ['projector', 'sink', 'postgres', 'kafka'] as const;

/** What a run from a topic cost, between its first commit and its last. */
export function measured({ peer, meter, timeline, startedMs, process }: Observed): Measurement {
  const { firstMs, lastMs } = timeline;
  const cpu = TOLD.flatMap((group) => {
    const seconds = meter.cpuSeconds(group, firstMs, lastMs);
    return seconds > 0 ? [[group, (seconds / timeline.rowsBehindFirst) * MILLION] as const] : [];
  });
  return {
    peer,
    rows: timeline.rows,
    rowsPerSecond: timeline.rowsPerSecond,
    wallSeconds: (lastMs - startedMs) / 1000,
    cpu: Object.fromEntries(cpu),
    peakMiB: meter.peakMiB(process),
    foreignCores: meter.foreignCores(firstMs, lastMs),
  };
}

/** The same of statements, which have no process of their own. */
export function measuredStatements({
  peer,
  meter,
  startedMs,
  seconds,
  rows,
}: {
  readonly peer: string;
  readonly meter: Meter;
  readonly startedMs: number;
  readonly seconds: number;
  readonly rows: number;
}): Measurement {
  const endedMs = startedMs + seconds * 1000;
  return {
    peer,
    rows,
    rowsPerSecond: rows / seconds,
    wallSeconds: seconds,
    cpu: { postgres: (meter.cpuSeconds('postgres', startedMs, endedMs) / rows) * MILLION },
    peakMiB: null,
    foreignCores: meter.foreignCores(startedMs, endedMs),
  };
}
