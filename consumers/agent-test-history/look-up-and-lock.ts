import assert from 'node:assert/strict';
import type { Client } from '../lib/postgres.ts';
import { isOwner } from './classify.ts';
import { isFresh, type Known } from './drop-seen.ts';
import { UNAVAILABLE } from './event.ts';
import { lookUp, lookupKeyOf } from './lookup.ts';
import { isMatchable } from './outcome.ts';
import type { Keyed, Round } from './rounds.ts';
import { lockAgents } from './twins/agent-locks.ts';
import type { Matching } from './twins/matching.ts';

export interface LookUpContext {
  readonly client: Client;
  readonly matching: Matching;
}

/**
 * Looks up a batch, and locks the agents whose links it may change, all of them before the first change. What was found
 * of their runs before the locks is looked up again; of history from before the first live row there is nothing to lock.
 * Undefined where keys occur twice: then each round looks up what the one before it has left.
 */
export async function lookUpAndLock(
  context: LookUpContext,
  rounds: readonly Round[],
): Promise<readonly Known[] | undefined> {
  const known = await withFacts(
    context,
    rounds.flatMap(({ keyed }) => keyed),
  );
  const matchable = known.filter((one) => matchableAgents(one).length > 0);
  await lockAgents(context.client, [...new Set(matchable.flatMap(matchableAgents))]);
  if (rounds.length > 1) return undefined;
  return await lookedUpAgain(context, known, matchable);
}

/** What is known, with some of it looked up again. */
export async function lookedUpAgain(
  context: LookUpContext,
  known: readonly Known[],
  some: readonly Known[],
): Promise<readonly Known[]> {
  if (some.length === 0) return known;
  const again = await withFacts(
    context,
    some.map(({ event }) => event),
  );
  const byId = new Map(again.map((one) => [one.event.legacyId, one]));
  return known.map((one) => byId.get(one.event.legacyId) ?? one);
}

/**
 * The agents of an owner's run that matching may touch: the one that it is decided for, and the one that it names now.
 * A user that was left out may turn out to be an owner when it is read.
 */
function matchableAgents(known: Known): string[] {
  const { event, facts } = known;
  const { entry, context, inWindow, undone } = facts;
  // Whatever brings it back lets it be matched.
  const returning = undone !== null && (undone.mayMatch || inWindow) ? [undone.agentUrl] : [];
  if (event.kind !== 'image' || (entry === null && !inWindow) || !isFresh(known))
    return returning.filter(isNamed);
  const decided = entry !== null && isMatchable(entry.decision) ? [entry.agentUrl] : returning;
  const mayOwn = isOwner(facts) || event.row.userId === UNAVAILABLE;
  const now = inWindow && (mayOwn || decided.length > 0) ? [context?.agentUrl] : [];
  return [...decided, ...now].filter(isNamed);
}

function isNamed(agentUrl: string | null | undefined): agentUrl is string {
  return typeof agentUrl === 'string';
}

/** Each event with what is known about its row, in their order. */
export async function withFacts<E extends Keyed>(
  { client, matching }: LookUpContext,
  events: readonly E[],
): Promise<Known<E>[]> {
  if (events.length === 0) return [];
  const facts = await lookUp(client, events.map(lookupKeyOf), matching.floorUs());
  return events.map((event, index) => {
    const known = facts[index];
    assert(known !== undefined);
    return { event, facts: known };
  });
}
