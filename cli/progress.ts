import { SingleBar } from 'cli-progress';
import type { CommandContext } from './context.ts';
import type { Surroundings } from './program.ts';
import { countText, spanText } from '../lib/figures.ts';

export interface Progress {
  readonly update: (done: number, total: number) => void;
  readonly end: () => void;
}

/** Shows the progress of `work` while it runs. */
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
 * Shows progress: a bar with total and ETA on a terminal, and otherwise a line on stderr now and then. It stops at the
 * total. Records that come later are not backlog; the log and the metrics show them.
 */
export function createProgress(
  what: string,
  { drawsBars, stderr }: Pick<Surroundings, 'drawsBars' | 'stderr'>,
): Progress {
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
