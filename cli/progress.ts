import { SingleBar } from 'cli-progress';
import type { Surroundings } from './program.ts';

export interface Progress {
  update(done: number, total: number): void;
  end(): void;
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
      const left = done < total ? `${((total - done) / perSecond).toFixed(0)} s left` : 'caught up';
      write(
        `${what}: ${done.toLocaleString('en')} of ${total.toLocaleString('en')}, ${Math.round(perSecond).toLocaleString('en')}/s, ${left}\n`,
      );
    },
    end: () => undefined,
  };
}
