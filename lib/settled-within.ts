import { setTimeout } from 'node:timers/promises';

/** True if the work ends within the time. If it does not, or fails, it is left to itself. */
export async function settledWithin(ms: number, work: Promise<unknown>): Promise<boolean> {
  const inTime = new AbortController();
  const done = work.then(
    () => true,
    () => false,
  );
  const late = setTimeout(ms, false, { signal: inTime.signal }).catch(() => false);
  const answer = await Promise.race([done, late]);
  inTime.abort();
  return answer;
}
