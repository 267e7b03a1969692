import { setTimeout as pause } from 'node:timers/promises';

/** Asks until the answer is yes or the time is over. True if the answer was yes. */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  options: { readonly withinMs: number; readonly everyMs?: number },
): Promise<boolean> {
  const deadline = Date.now() + options.withinMs;
  while (!(await condition())) {
    if (Date.now() >= deadline) return false;
    await pause(options.everyMs ?? 100);
  }
  return true;
}
