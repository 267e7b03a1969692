import type { Pool } from '../lib/postgres.ts';
import type { DemoPlan } from './generate.ts';
import { runWriter, type WriterResult } from './writer.ts';

const STREAMED_RUNS = 2_000;
const STREAMED_RUNS_PER_SECOND = 200;

/** The simulated application, which writes while everything else starts. */
export interface Writing {
  /** Fires if the writer fails, with its error as the reason. */
  readonly failed: AbortSignal;
  /** Starts the stream, and waits for its end. */
  stream(progress: (runs: number, total: number) => void): Promise<WriterResult>;
  /** Stops the application if it still writes. */
  end(): Promise<void>;
}

interface WritingOptions {
  readonly pool: Pool;
  readonly plan: DemoPlan;
  readonly signal: AbortSignal;
}

export function startWriter({ pool, plan, signal }: WritingOptions): Writing {
  const caughtUp = new AbortController();
  const stop = new AbortController();
  const failed = new AbortController();
  let report: (runs: number, total: number) => void = () => undefined;
  const written = runWriter(pool, {
    plan,
    caughtUp: caughtUp.signal,
    runs: STREAMED_RUNS,
    runsPerSecond: STREAMED_RUNS_PER_SECOND,
    signal: AbortSignal.any([signal, stop.signal]),
    progress: (runs) => {
      report(runs, STREAMED_RUNS);
    },
  });
  written.catch((error: unknown) => {
    failed.abort(error);
  });
  return {
    failed: failed.signal,
    stream: async (progress) => {
      report = progress;
      caughtUp.abort();
      return await written;
    },
    end: async () => {
      stop.abort();
      await written.catch(() => undefined);
    },
  };
}
