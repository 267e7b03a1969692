import { setTimeout as delay } from 'node:timers/promises';
import type { StatusReport } from '../operations/status/report.ts';
import type { CommandContext } from './context.ts';

interface WatchOptions {
  /** Between the beginnings of two looks; a look that takes longer is followed by the next at once. */
  readonly everyMs: number;
  readonly render: (report: StatusReport) => string;
  /** On a terminal, each screen takes the place of the one before. */
  readonly redraw: boolean;
}

/** Looks until a signal comes; gives the last report, undefined where there was none. */
export async function watch(
  context: CommandContext,
  look: () => Promise<StatusReport>,
  { everyMs, render, redraw }: WatchOptions,
): Promise<StatusReport | undefined> {
  const signal = context.surroundings.stopSignal();
  const stopped = new Promise<undefined>((resolve) => {
    signal.addEventListener('abort', () => {
      resolve(undefined);
    });
  });
  let last: StatusReport | undefined;
  while (!signal.aborted) {
    const began = performance.now();
    // Whoever stops it waits for no look.
    const report = await Promise.race([look(), stopped]);
    if (report === undefined) break;
    last = report;
    if (redraw) context.clear();
    context.print(render(report));
    await delay(Math.max(0, everyMs - (performance.now() - began)), undefined, { signal }).catch(
      () => undefined,
    );
  }
  return last;
}
