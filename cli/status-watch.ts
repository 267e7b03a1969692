import { setTimeout as delay } from 'node:timers/promises';
import type { CommandContext } from './context.ts';

interface WatchOptions<R> {
  /** The time from the beginning of one look to the beginning of the next. After a look that took longer, the next begins at once. */
  readonly everyMs: number;
  readonly show: (report: R) => void;
  /** True on a terminal: the screen is cleared before each look. */
  readonly redraw: boolean;
}

/** Looks again and again until the command is stopped. Gives the last report, or undefined if there was none. */
export async function watch<R>(
  context: CommandContext,
  look: () => Promise<R>,
  { everyMs, show, redraw }: WatchOptions<R>,
): Promise<R | undefined> {
  const { stopSignal, outputLost } = context.surroundings;
  const signal = AbortSignal.any([stopSignal(), ...(outputLost === undefined ? [] : [outputLost])]);
  const stopped = new Promise<undefined>((resolve) => {
    signal.addEventListener('abort', () => {
      resolve(undefined);
    });
  });
  let last: R | undefined;
  while (!signal.aborted) {
    const began = performance.now();
    // A stop does not wait for the look that is under way.
    const report = await Promise.race([look(), stopped]);
    if (report === undefined) break;
    last = report;
    if (redraw) context.clear();
    show(report);
    await delay(Math.max(0, everyMs - (performance.now() - began)), undefined, { signal }).catch(
      () => undefined,
    );
  }
  return last;
}
