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
  return await pRetry(work, {
    retries: Number.POSITIVE_INFINITY,
    minTimeout: 200,
    maxTimeout: 10_000,
    randomize: true,
    signal,
    shouldRetry: ({ error }) => isEnvironmentError(error),
    onFailedAttempt: ({ error }) => {
      if (isEnvironmentError(error)) retrying(error);
    },
  });
}
