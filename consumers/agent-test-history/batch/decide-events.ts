import assert from 'node:assert/strict';
import type { Pool } from '../../../lib/postgres.ts';
import type { OptOutPolicy } from '../rule/classify.ts';
import { decideImage, decideUnreadable, decideUnusable, type Effect } from '../rule/decide.ts';
import type { Known } from './drop-seen.ts';
import type { ImageEvent } from '../record/event.ts';
import { withFacts, type LookUpContext } from './look-up-and-lock.ts';
import { reread } from './reread.ts';
import { unchangedReads } from './unchanged-reads.ts';

interface DecideContext extends LookUpContext {
  readonly legacy: Pool;
  readonly optOutPolicy: OptOutPolicy;
  readonly graceSeconds?: number;
}

/** Decides the effect of each event. Values that an image left out are read first, if the decision needs them. */
export async function decideEvents(context: DecideContext, fresh: readonly Known[]): Promise<Effect[]> {
  const effects: Effect[] = [];
  const seenAgain = await unchangedReads(context, fresh);
  const incomplete: Known<ImageEvent>[] = [];
  for (const { event, facts } of fresh) {
    if (event.kind === 'delete') effects.push({ effect: 'mark_deleted', event, facts });
    else if (event.kind === 'unusable') effects.push(decideUnusable(event, facts));
    else if (seenAgain.has(event.legacyId)) effects.push({ effect: 'seen_again', event, facts });
    else {
      const effect = decideImage(event, facts, context.optOutPolicy);
      if (effect === undefined) incomplete.push({ event, facts });
      else effects.push(effect);
    }
  }
  if (incomplete.length > 0) effects.push(...(await decideReread(context, incomplete)));
  return effects;
}

/** Reads the values that the events left out, looks up again because the user id may be among them, and decides. */
async function decideReread(
  context: DecideContext,
  incomplete: readonly Known<ImageEvent>[],
): Promise<Effect[]> {
  const completed = await reread(
    context.legacy,
    incomplete.map(({ event }) => event),
  );
  const unreadable = incomplete.filter(({ event }) => !completed.has(event.legacyId));
  const decided = (await withFacts(context, [...completed.values()])).map(({ event, facts }) => {
    const effect = decideImage(event, facts, context.optOutPolicy);
    assert(effect !== undefined, 'a completed row is not complete');
    return effect;
  });
  return [
    ...decided,
    ...unreadable.map(({ event, facts }) => decideUnreadable(event, facts, context.optOutPolicy)),
  ];
}
