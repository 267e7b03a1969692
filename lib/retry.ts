import pRetry from 'p-retry';
import { blameOf, isEnvironmentError } from './postgres-errors.ts';

interface RetryOptions {
  readonly signal: AbortSignal;
  readonly retrying: (error: Error) => void;
  /** True if the caller prefers to try something else than the same work. */
  readonly givesUp?: (error: Error) => boolean;
}

/**
 * The attempts take two seconds in all. By then the other session has ended its work, or was cancelled because of a
 * deadlock.
 */
export const RACE_ATTEMPTS = 4;

/**
 * Repeats database work as long as the environment is to blame, with growing pauses of up to 10 s. Postgres may be away
 * for hours, and nothing is lost while we wait. An error that another session may have caused is thrown after several
 * attempts; every other error is thrown at once.
 */
export async function untilEnvironmentAllows<T>(
  work: (attempt: number) => Promise<T>,
  { signal, retrying, givesUp = () => false }: RetryOptions,
): Promise<T> {
  const isTriedAgain = (error: Error, attempt: number) =>
    isEnvironmentError(error) && !givesUp(error) && (blameOf(error) !== 'race' || attempt < RACE_ATTEMPTS);
  let done: { readonly value: T } | undefined;
  const attempted = pRetry(
    async (attempt) => {
      done = { value: await work(attempt) };
      return done.value;
    },
    {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: 200,
      maxTimeout: 10_000,
      randomize: true,
      signal,
      shouldRetry: ({ error, attemptNumber }) => isTriedAgain(error, attemptNumber),
      onFailedAttempt: ({ error }) => {
        if (isEnvironmentError(error)) retrying(error);
      },
    },
  );
  return await attempted.catch((error: unknown) => {
    // If the work is aborted while it runs, p-retry drops its result. But what was committed must be counted.
    if (done !== undefined) return done.value;
    throw error;
  });
}
