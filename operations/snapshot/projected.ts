import { setTimeout as delay } from 'node:timers/promises';
import { topicNames } from '../../lib/names.ts';
import { backlogOf } from '../facts/backlog.ts';
import { readProjection } from '../facts/canonical.ts';
import { readDataTopic } from '../facts/kafka.ts';
import type { Session } from './session.ts';

const POLL_MS = 1_000;

interface ProjectedOptions {
  /** Gives up if no projector has committed anything for this time. */
  readonly silentAfterMs: number;
  readonly signal: AbortSignal;
  readonly onProgress: (left: number) => void;
}

/**
 * Waits until everything that is in the topic now has been projected, because only then does a snapshot count. Returns
 * the number of records that are left: 0, or more if no projector makes progress.
 */
export async function untilProjected(
  { services, canonical, config }: Session,
  options: ProjectedOptions,
): Promise<number> {
  const topic = await readDataTopic(await services.kafka(), topicNames(config).data);
  if (topic === undefined) return 0;
  let [before, movedAtMs] = [Infinity, Date.now()];
  for (;;) {
    const { offsets } = await readProjection(canonical);
    const left = Number(backlogOf(topic.topicId, topic.marks, offsets).records);
    options.onProgress(left);
    if (left === 0 || options.signal.aborted) return left;
    if (left < before) movedAtMs = Date.now();
    before = left;
    if (Date.now() - movedAtMs > options.silentAfterMs) return left;
    await delay(POLL_MS, undefined, { signal: options.signal }).catch(() => undefined);
  }
}
