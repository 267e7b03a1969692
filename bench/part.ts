import type { Dataset, DatasetPlan } from './dataset.ts';
import type { SinkWorker } from './peers/sink-worker.ts';
import type { BenchStack } from './stack.ts';
import type { Format, Source } from './topic.ts';

/** What the parts work with. It is made once and shared, so that no part has to make it again. */
export interface BenchContext {
  readonly stack: BenchStack;
  readonly options: BenchOptions;
  /** Fires when the time of the part is over, or the bench is asked to stop. */
  readonly signal: AbortSignal;
  /** When that is, in epoch milliseconds. */
  readonly endsAtMs: number;
  readonly note: (line: string) => void;
  dataset(plan: DatasetPlan): Promise<Dataset>;
  /** A topic that holds the whole table of a dataset, and the settings to read it; its connector is gone. */
  topic(dataset: Dataset, format: Format): Promise<Source>;
  sinkWorker(): Promise<SinkWorker>;
}

export interface BenchOptions {
  /** Legacy rows of the repeated runs. */
  readonly rows: number;
  /** Legacy rows of the long run. */
  readonly manyRows: number;
  readonly runs: number;
}

/** A question, and how it is answered. */
export interface Part<T> {
  readonly title: string;
  /** The time limit: several times the time on a quiet machine of two cores. A part that takes longer hangs. */
  readonly limitMinutes: number;
  measure(context: BenchContext): Promise<T>;
}

/** The result of a part: its figures, or the reason why there are none. */
export type Outcome<T> =
  | { readonly kind: 'measured'; readonly seconds: number; readonly figures: T }
  | { readonly kind: 'failed'; readonly seconds: number; readonly error: string }
  | { readonly kind: 'left_out'; readonly why: string };

/**
 * Yields the numbers of the rounds. It ends early if the remaining time is shorter than the longest round so far. So on
 * a slow machine, a part ends with fewer rounds, but with figures.
 */
export function* rounds(context: BenchContext, endsAtMs = context.endsAtMs): Generator<number, void> {
  let longestMs = 0;
  for (let round = 1; round <= context.options.runs; round++) {
    const start = Date.now();
    if (round > 1 && start + longestMs * 1.2 > endsAtMs) {
      context.note(`  no time for more than ${String(round - 1)} of ${String(context.options.runs)} rounds`);
      return;
    }
    yield round;
    longestMs = Math.max(longestMs, Date.now() - start);
  }
}

/** Runs the work. When the signal fires, it rejects without waiting for the work. */
export async function untilAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  let stop: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => {
      reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
    };
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
