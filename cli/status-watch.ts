import { setTimeout as delay } from 'node:timers/promises';
import type { Screen } from '../lib/screen.ts';
import type { CommandContext } from './context.ts';
import { withFullScreen } from './full-screen.ts';

interface WatchOptions<R> {
  /** The time from the beginning of one look to the beginning of the next. After a look that took longer, the next begins at once. */
  readonly everyMs: number;
  /** Prints a report: each of them where there is no terminal, and otherwise the last one. */
  readonly answer: (report: R) => void;
  /** How a terminal shows a report, in place of the one before. Undefined: it prints each report there, too. */
  readonly screen: ((report: R) => Screen) | undefined;
}

/** Looks again and again until the command is stopped. Gives the last report, or undefined if there was none. */
export async function watch<R>(
  context: CommandContext,
  look: () => Promise<R>,
  { everyMs, answer, screen }: WatchOptions<R>,
): Promise<R | undefined> {
  const { stopSignal, outputLost, redraws } = context.surroundings;
  const signal = AbortSignal.any([stopSignal(), ...(outputLost === undefined ? [] : [outputLost])]);
  if (screen === undefined || !redraws) return await lookAgain(look, { everyMs, signal, show: answer });
  const last = await withFullScreen(context.surroundings, (draw) =>
    lookAgain(look, {
      everyMs,
      signal,
      show: (report) => {
        draw(screen(report));
      },
    }),
  );
  if (last !== undefined) answer(last);
  return last;
}

interface Looking<R> {
  readonly everyMs: number;
  readonly signal: AbortSignal;
  readonly show: (report: R) => void;
}

async function lookAgain<R>(
  look: () => Promise<R>,
  { everyMs, signal, show }: Looking<R>,
): Promise<R | undefined> {
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
    show(report);
    await delay(Math.max(0, everyMs - (performance.now() - began)), undefined, { signal }).catch(
      () => undefined,
    );
  }
  return last;
}
