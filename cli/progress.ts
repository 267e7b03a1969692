import { SingleBar } from 'cli-progress';

export interface Progress {
  update(done: number, total: number): void;
  end(): void;
}

const LINE_EVERY_MS = 5_000;

/** A bar with total and ETA on a terminal; elsewhere a line on stderr now and then. */
export function createProgress(what: string): Progress {
  return process.stderr.isTTY ? bar(what) : lines(what);
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
      single.setTotal(Math.max(total, done));
      single.update(done);
    },
    end: () => {
      if (started) single.stop();
    },
  };
}

function lines(what: string): Progress {
  const start = performance.now();
  let last = start;
  return {
    update: (done, total) => {
      const now = performance.now();
      if (now - last < LINE_EVERY_MS) return;
      last = now;
      const perSecond = (done / (now - start)) * 1000;
      const left = Math.max(0, total - done) / perSecond;
      process.stderr.write(
        `${what}: ${done.toLocaleString('en')} of ${total.toLocaleString('en')}, ${Math.round(perSecond).toLocaleString('en')}/s, ${left.toFixed(0)} s left\n`,
      );
    },
    end: () => undefined,
  };
}
