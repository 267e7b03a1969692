import { setTimeout } from 'node:timers/promises';
import type { Pool } from '../lib/postgres.ts';
import { planRuns, type DemoPlan, type NumberedRuns } from './generate.ts';
import { planIncidents, type Incident } from './incidents.ts';
import { Crew, writeLate, writeRuns } from './pods.ts';

export interface WriterOptions {
  readonly plan: DemoPlan;
  /** Fires when the projector has caught up with the history. Then the stream begins. */
  readonly caughtUp: AbortSignal;
  /** The runs of the stream, and their pace. */
  readonly runs: number;
  readonly runsPerSecond: number;
  readonly signal: AbortSignal;
  readonly progress: (runs: number) => void;
}

/** What the writer did. The stream's `touched` counts the rows that each kind of incident touched. */
export interface WriterResult {
  /** What it wrote while connector and projector started. */
  readonly meanwhile: Stretch;
  readonly stream: Stretch & { readonly touched: Readonly<Record<string, number>> };
}

export interface Stretch {
  readonly runs: number;
  readonly seconds: number;
}

/** A low pace, so that the writer does not disturb the measured snapshot and the projector's catching up. */
const MEANWHILE_PER_SECOND = 25;
/** The largest number of runs per statement, if the writer is behind its pace. */
const BURST_RUNS = 10;
const TICK_MS = 10;
const PODS = 4;
const LATE_AT_ONCE = 3;
/** In the last fifth of the stream, the release that stops the legacy write is rolled out. */
const LAST_RELEASE_AFTER = 0.8;

/** The writer's largest number of connections: one per pod, two per late run, one per incident, and one to plan. */
export const WRITER_CONNECTIONS = PODS + 2 * LATE_AT_ONCE + 2;

/**
 * Writes to the application's tables as the application does in the cutover window: owners, strangers and nobody run
 * tests, and pods of three releases write them. It begins before there is a connector, at a low pace; when the
 * projector has caught up the pace rises, contexts are merged, rows and contexts are deleted, and some live rows
 * come late. The seed decides what happens to whom; incidents are spread evenly over the runs, so their order does not
 * depend on how fast the machine is.
 */
export async function runWriter(pool: Pool, options: WriterOptions): Promise<WriterResult> {
  const incidents = await planIncidents(pool);
  const work = { ...options, pool, pods: new Crew(PODS), late: new Crew(LATE_AT_ONCE) };
  try {
    const meanwhile = await writeMeanwhile(work);
    const stream = await writeStream(work, incidents, meanwhile.runs);
    return { meanwhile, stream };
  } finally {
    await work.pods.settle();
    await work.late.settle();
  }
}

interface Work extends WriterOptions {
  readonly pool: Pool;
  readonly pods: Crew;
  readonly late: Crew;
}

async function writeMeanwhile(work: Work): Promise<Stretch> {
  const { plan, signal, caughtUp } = work;
  const start = performance.now();
  let runs = 0;
  for await (const due of paced({ runsPerSecond: MEANWHILE_PER_SECOND, signal, until: caughtUp })) {
    const first = plan.rows + runs + 1;
    await write(work, { first, last: first + due - 1, origin: 'meanwhile', newPods: false });
    runs += due;
  }
  await work.pods.finish();
  return { runs, seconds: secondsSince(start) };
}

async function writeStream(
  work: Work,
  incidents: readonly Incident[],
  runsBefore: number,
): Promise<WriterResult['stream']> {
  const { pool, plan, runs, runsPerSecond, signal, progress } = work;
  const touched: Record<string, number> = {};
  const start = performance.now();
  let written = 0;
  let happened = 0;
  for await (const due of paced({ runsPerSecond, signal, runs })) {
    const first = plan.rows + runsBefore + written + 1;
    const newPods = written >= runs * LAST_RELEASE_AFTER;
    await write(work, { first, last: first + due - 1, origin: 'stream', newPods });
    written += due;
    progress(written);
    const dueIncidents = incidents.slice(happened, Math.floor((written / runs) * incidents.length));
    happened += dueIncidents.length;
    for (const incident of dueIncidents)
      touched[incident.story] = (touched[incident.story] ?? 0) + (await incident.run(pool));
  }
  await work.pods.finish();
  const seconds = secondsSince(start);
  await work.late.finish();
  return { runs: written, seconds, touched };
}

async function write({ pool, pods, late, signal }: Work, numbered: NumberedRuns): Promise<void> {
  const planned = await planRuns(pool, numbered);
  await pods.begin(() => writeRuns(pool, planned));
  if (planned.some(({ path }) => path === 'late')) await late.begin(() => writeLate(pool, planned, signal));
}

interface Pace {
  readonly runsPerSecond: number;
  readonly signal: AbortSignal;
  /** It ends after this many runs. */
  readonly runs?: number;
  /** It ends when this signal fires. */
  readonly until?: AbortSignal;
}

/** Yields again and again how many runs are due, so that the writer keeps its pace. */
async function* paced({ runsPerSecond, signal, runs = Infinity, until }: Pace): AsyncGenerator<number> {
  const start = performance.now();
  let given = 0;
  while (given < runs && until?.aborted !== true) {
    signal.throwIfAborted();
    const due = Math.min(runs, Math.floor(secondsSince(start) * runsPerSecond)) - given;
    if (due > 0) {
      const burst = Math.min(due, BURST_RUNS);
      yield burst;
      given += burst;
    } else {
      await setTimeout(TICK_MS, undefined, { signal });
    }
  }
}

function secondsSince(start: number): number {
  return (performance.now() - start) / 1000;
}
