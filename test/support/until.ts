import { setTimeout as pause } from 'node:timers/promises';

/** Long, because it is only met when something is broken: a shared machine can be ten times as slow as a quiet one. */
const DEADLINE_MS = 120_000;

/**
 * Asks until there is an answer, and gives it; undefined and false are none. Throws with `what` was waited for when
 * the deadline passes, and with the last error where asking failed.
 */
export async function until<T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  withinMs: number = DEADLINE_MS,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > deadline) throw new Error(`waited ${String(withinMs / 1000)} s in vain: ${what}`);
    await pause(20);
  }
}
