import type { Dataset, DatasetPlan } from './dataset.ts';
import type { SinkWorker } from './peers/sink-worker.ts';
import type { BenchStack } from './stack.ts';
import type { Format, Source } from './topic.ts';

/** What a part works with; made once and shared, so that no part waits for what another has made already. */
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
  /** Several times what it takes on a quiet machine of two cores: who takes longer hangs. */
  readonly limitMinutes: number;
  measure(context: BenchContext): Promise<T>;
}

/** What became of a part: figures, or why there are none. */
export type Outcome<T> =
  | { readonly kind: 'measured'; readonly seconds: number; readonly figures: T }
  | { readonly kind: 'failed'; readonly seconds: number; readonly error: string }
  | { readonly kind: 'left_out'; readonly why: string };

/**
 * Numbers of the rounds: as many as are wanted, as long as there is time for one more like the longest so far. A part
 * on a slow machine ends with fewer rounds, not without figures.
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

/** Runs the work; once the signal fires, it is left to itself and given up. */
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
