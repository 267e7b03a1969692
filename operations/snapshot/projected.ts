import { setTimeout as delay } from 'node:timers/promises';
import { endsNow, recordsToProject } from './projection.ts';
import type { Session } from './session.ts';

const POLL_MS = 1_000;

interface ProjectedOptions {
  /** Gives up when no projector has committed anything for so long. */
  readonly silentAfterMs: number;
  readonly signal: AbortSignal;
  readonly onProgress: (left: number) => void;
}

/**
 * Waits until everything that is in the topic now has been projected: what a snapshot has read counts only then. Gives
 * the records that are left where no projector moves.
 */
export async function untilProjected(session: Session, options: ProjectedOptions): Promise<number> {
  const { target, canonical, config } = session;
  const where = { cluster: target.cluster, canonical, config };
  const ends = await endsNow(where);
  let [before, movedAtMs] = [Infinity, Date.now()];
  for (;;) {
    const left = (await recordsToProject(where, ends)) ?? 0;
    options.onProgress(left);
    if (left === 0 || options.signal.aborted) return left;
    if (left < before) movedAtMs = Date.now();
    before = left;
    if (Date.now() - movedAtMs > options.silentAfterMs) return left;
    await delay(POLL_MS, undefined, { signal: options.signal }).catch(() => undefined);
  }
}
