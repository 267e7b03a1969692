import type { Answer } from '../facts/answer.ts';
import { backlogIn } from '../facts/backlog.ts';
import type { Answers } from '../facts/facts.ts';
import { spanText } from '../../lib/figures.ts';

/** The heartbeat comes every 2 s. Behind a longer silence, nothing that did not come is evidence. */
export const SILENCE_MS = 10 * 60_000;
/** How far two servers' clocks may differ before no age can be believed. */
export const SKEW_MS = 5 * 60_000;

export type StreamAnswers = Pick<Answers, 'observed' | 'dataTopic' | 'projection' | 'oldestSeconds'>;

/**
 * Until when everything that was committed to the legacy table is known to be projected, by the clock of the canonical
 * database: the heartbeat came through the whole way, and no record waits. That nothing came is evidence up to this moment
 * and no further; without it, a dead stream would look like a quiet table.
 */
export function seenUntil(now: Answer<Date>, answers: StreamAnswers): Answer<Date> {
  if (!now.known) return now;
  const { observed, dataTopic, projection, oldestSeconds } = answers;
  for (const answer of [observed, dataTopic, projection, oldestSeconds]) if (!answer.known) return answer;
  const heartbeat = observed.known ? observed.value?.heartbeat : undefined;
  if (heartbeat?.streamed !== true) return not('no heartbeat has come through the stream yet');
  const beat = Math.min(heartbeat.beatAt.getTime(), heartbeat.arrivedAt.getTime());
  const newest = Math.max(heartbeat.beatAt.getTime(), heartbeat.arrivedAt.getTime());
  const nowMs = now.value.getTime();
  if (newest - nowMs > SKEW_MS)
    return not(
      'the last heartbeat is dated in the future: the clocks of the servers differ by more than 5 minutes',
    );
  if (nowMs - beat > SILENCE_MS)
    return not(
      `the last heartbeat came through the stream ${spanText((nowMs - beat) / 1000)} ago: the stream is not alive`,
    );
  if (backlogIn(answers) === undefined)
    return not('the ledger does not belong to the topic that is there now');
  const waitingMs = oldestSeconds.known ? oldestSeconds.value * 1000 : 0;
  if (waitingMs > SILENCE_MS)
    return not(`records have waited for ${spanText(waitingMs / 1000)} to be projected`);
  return { known: true, value: new Date(nowMs - Math.max(0, nowMs - beat, waitingMs)) };
}

function not(why: string): Answer<Date> {
  return { known: false, why };
}
