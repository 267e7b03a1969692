import pRetry from 'p-retry';
import { blameOf, isEnvironmentError } from './postgres-errors.ts';

interface RetryOptions {
  readonly signal: AbortSignal;
  readonly retrying: (error: Error) => void;
  /** True where the caller rather tries something else than the same work. */
  readonly givesUp?: (error: Error) => boolean;
}

/** Within two seconds: by then another session has ended what it did, or has been cancelled for a deadlock. */
export const RACE_ATTEMPTS = 4;

/**
 * Tries database work again for as long as the environment is to blame, with growing pauses of up to 10 s: Postgres
 * may be away for hours, and nothing is lost while we wait. What another session may have caused comes through when it was
 * met several times; every other error at once.
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
    // An abort while the work ran: p-retry drops its result. What is committed is committed, and has to be counted.
    if (done !== undefined) return done.value;
    throw error;
  });
}
