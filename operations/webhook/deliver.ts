import type { Pool } from '../../lib/postgres.ts';
import { claim, markDelivered, markFailed } from './outbox.ts';
import { send, SEND_WITHIN_MS, type Endpoint } from './send.ts';

export interface DeliveryOptions {
  readonly endpoint: Endpoint;
  readonly giveUpHours: number;
  /** Ends the work between two messages. */
  readonly signal: AbortSignal;
  /** Called with a failure as a status or a code. */
  readonly failed: (failure: string, message: { readonly type: string; readonly givenUp: boolean }) => void;
  readonly delivered: (type: string) => void;
  readonly firstRestMs?: number;
  readonly leaseMs?: number;
  readonly sendWithinMs?: number;
}

const FIRST_REST_MS = 5_000;
const LONGEST_REST_MS = 15 * 60_000;
/** Longer than an attempt takes. After it, another process may send the message again, with the same id. */
const LEASE_MS = 60_000;

/** 5 s, 10 s, 20 s … up to 15 minutes between two attempts. */
export function restMs(attempts: number, firstMs: number = FIRST_REST_MS): number {
  return Math.min(firstMs * 2 ** Math.min(attempts - 1, 30), LONGEST_REST_MS);
}

/**
 * Sends what is due, one message at a time. A message is claimed in one transaction and marked in another, so that no
 * connection is held while the receiver thinks. A process that is killed in between has sent it perhaps: then it is sent
 * once more with the same id when the lease is over.
 */
export async function deliverDue(canonical: Pool, options: DeliveryOptions): Promise<void> {
  const { endpoint, giveUpHours, signal, leaseMs = LEASE_MS, sendWithinMs = SEND_WITHIN_MS } = options;
  while (!signal.aborted) {
    const message = await claim(canonical, leaseMs);
    if (message === undefined) return;
    const { id, type, attempts } = message;
    const { failure } = await send(endpoint, message, sendWithinMs);
    if (failure === null) {
      await markDelivered(canonical, id);
      options.delivered(type);
      continue;
    }
    const againAfterMs = restMs(attempts, options.firstRestMs);
    const givenUp = await markFailed(canonical, { id, failure, againAfterMs, giveUpHours });
    options.failed(failure, { type, givenUp });
  }
}
