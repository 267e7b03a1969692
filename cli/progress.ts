import { SingleBar } from 'cli-progress';
import type { CommandContext } from './context.ts';
import type { Surroundings } from './program.ts';
import { countText, spanText } from '../lib/figures.ts';

export interface Progress {
  readonly update: (done: number, total: number) => void;
  readonly end: () => void;
}

/** Shows how far `work` is for as long as it takes. */
export async function withProgress<T>(
  { surroundings }: CommandContext,
  what: string,
  work: (update: Progress['update']) => Promise<T>,
): Promise<T> {
  const progress = createProgress(what, surroundings);
  try {
    return await work(progress.update);
  } finally {
    progress.end();
  }
}

const LINE_EVERY_MS = 5_000;

/**
 * A bar with total and ETA on a terminal; elsewhere a line on stderr now and then. It ends at the total: what comes
 * after that is no backlog any more, and is in the log and the metrics.
 */
export function createProgress(what: string, { drawsBars, stderr }: Surroundings): Progress {
  return untilTotal(drawsBars ? bar(what) : lines(what, stderr));
}

function untilTotal(progress: Progress): Progress {
  let ended = false;
  const end = () => {
    if (!ended) progress.end();
    ended = true;
  };
  return {
    update: (done, total) => {
      if (ended || total === 0) return;
      progress.update(Math.min(done, total), total);
      if (done >= total) end();
    },
    end,
  };
}

function bar(what: string): Progress {
  const single = new SingleBar({
    format: `${what} [{bar}] {percentage}% | {value}/{total} | {eta_formatted} left`,
    hideCursor: true,
    stream: process.stderr,
    etaBuffer: 50,
  });
  let started = false;
  return {
    update: (done, total) => {
      if (!started) single.start(total, 0);
      started = true;
      single.update(done);
    },
    end: () => {
      if (started) single.stop();
    },
  };
}

function lines(what: string, write: (text: string) => void): Progress {
  const start = performance.now();
  let last = start;
  return {
    update: (done, total) => {
      const now = performance.now();
      if (now - last < LINE_EVERY_MS && done < total) return;
      last = now;
      const perSecond = (done / (now - start)) * 1000;
      const secondsLeft = (total - done) / perSecond;
      const ahead = Number.isFinite(secondsLeft) ? `${spanText(secondsLeft)} left` : 'no pace yet';
      const left = done < total ? ahead : 'caught up';
      write(
        `${what}: ${countText(done)} of ${countText(total)}, ${countText(Math.round(perSecond))}/s, ${left}\n`,
      );
    },
    end: () => undefined,
  };
}
