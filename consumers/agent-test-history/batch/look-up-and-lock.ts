import assert from 'node:assert/strict';
import { lockThenRead } from '../../../lib/lock-then-read.ts';
import { type Client } from '../../../lib/postgres.ts';
import { Conflict } from '../../../lib/postgres-errors.ts';
import { isOwner } from '../rule/classify.ts';
import { isFresh, type Known } from './drop-seen.ts';
import { UNAVAILABLE } from '../record/event.ts';
import { keysInWindow, lookUp, lookupKeyOf } from '../lookup/lookup.ts';
import { isMatchable } from '../rule/outcome.ts';
import type { Keyed, Round } from './rounds.ts';
import { lockAgentsOf } from '../twins/agent-locks.ts';
import type { Matching } from '../twins/matching.ts';

export interface LookUpContext {
  readonly client: Client;
  readonly matching: Matching;
}

/**
 * Looks up a batch, and locks the agents whose links it may change. All locks are taken before the first change, and
 * the facts about the locked agents' runs are read under the locks. If the batch has runs from the dual-write window,
 * the agents that they name are locked before the look-up. Older history needs almost no locks, so the look-up comes
 * first and says which agents to lock. Undefined if a key occurs twice: then each round looks up what the previous one
 * left.
 */
export async function lookUpAndLock(
  context: LookUpContext,
  rounds: readonly Round[],
): Promise<readonly Known[] | undefined> {
  const { client, matching } = context;
  const events = rounds.flatMap(({ keyed }) => keyed);
  const keys = events.map(lookupKeyOf);
  const inWindow = keysInWindow(keys, matching.floorUs());
  if (inWindow.length === 0) {
    const known = await withFacts(context, events);
    if (known.flatMap(matchableAgents).length === 0) return rounds.length > 1 ? undefined : known;
  }
  const named = {
    legacyIds: keys.map(({ legacyId }) => legacyId),
    contextIds: inWindow.flatMap(({ agentContextId }) => agentContextId ?? []),
  };
  if (rounds.length > 1) {
    await lockAgentsOf(client, named);
    return undefined;
  }
  const [locked, known] = await lockThenRead(
    client,
    (locking) => lockAgentsOf(locking, named),
    () => withFacts(context, events),
  );
  // A context may have got another agent between the two statements.
  if (!known.flatMap(matchableAgents).every((agentUrl) => locked.has(agentUrl)))
    throw new Conflict('an agent was renamed before it was locked');
  return known;
}

/** The facts, with those of some keys replaced by newer ones. */
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
 * The agents of an owner's run that matching may touch: the agent of its decision, and the agent that it names now. If
 * the event left the user out, the user may turn out to be an owner, so the run counts as an owner's.
 */
function matchableAgents(known: Known): string[] {
  const { event, facts } = known;
  const { entry, context, inWindow, undone } = facts;
  // Every stage that restores the row also matches it.
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

/** Each event with the facts about its row, in the order of the events. */
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
