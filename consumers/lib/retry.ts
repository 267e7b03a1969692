import pRetry from 'p-retry';
import { isEnvironmentError } from './postgres.ts';

interface RetryOptions {
  readonly signal: AbortSignal;
  readonly retrying: (error: Error) => void;
}

/**
 * Tries database work again for as long as the environment is to blame, with growing pauses of up to 10 s: Postgres
 * may be away for hours, and nothing is lost while we wait. Every other error comes through at once.
 */
export async function untilEnvironmentAllows<T>(
  work: (attempt: number) => Promise<T>,
  { signal, retrying }: RetryOptions,
): Promise<T> {
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
      shouldRetry: ({ error }) => isEnvironmentError(error),
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
