/**
 * One batch of events of one partition, in one Postgres transaction: start reading here.
 *
 *   decode      bytes to events                       decode.ts (before the transaction, while the last one runs)
 *   claim       move the stored offset, fence zombies offsets.ts
 *   look up     ledger, context, ownership, copies    lookup.ts
 *   lock        the agents whose runs may have twins  twins/agent-locks.ts
 *   drop        what the key has seen already         (here)
 *   loosen      links that a new image may end        twins/loosen.ts
 *   re-read     values that an event left out         reread.ts
 *   decide      what each event does                  decide.ts, classify.ts
 *   match       which runs the live path recorded     twins/match.ts
 *   write       canonical rows, ledger, quarantine    write.ts
 *   admit       too much quarantined: stop            quarantine-breaker.ts
 *
 * Effects and offset are committed together or not at all, so a crash at any point repeats nothing. A key that occurs
 * twice in a batch goes through the stages once for each event, in its order: how records fall into batches must not
 * change what comes out.
 */
import assert from 'node:assert/strict';
import { inDryRun, inTransaction, type Client, type Pool } from '../lib/postgres.ts';
import { applyEffects } from './apply-effects.ts';
import { addChanges } from './changes.ts';
import { isOwner, type OptOutPolicy } from './classify.ts';
import { decideImage, decideUnreadable, decideUnusable } from './decide.ts';
import type { Effect } from './decide.ts';
import { isComplete, leftOutColumns, UNAVAILABLE } from './event.ts';
import type { ImageEvent, SourceEvent } from './event.ts';
import { dropSeen, isFresh, type Known } from './drop-seen.ts';
import { lookUp, lookupKeyOf } from './lookup.ts';
import { advance, lockPartition, type Claim } from './offsets.ts';
import { isMatchable } from './outcome.ts';
import { parkedBefore } from './parked-before.ts';
import type { Fate } from './quarantine-breaker.ts';
import { emptyResult, type BatchResult, type Tally } from './result.ts';
import { reread } from './reread.ts';
import { roundsOf, type Keyed, type Round } from './rounds.ts';
import { lockAgents } from './twins/agent-locks.ts';
import { loosenTwins } from './twins/loosen.ts';
import type { Matching } from './twins/matching.ts';

export interface PipelineContext {
  readonly canonical: Pool;
  readonly legacy: Pool;
  readonly optOutPolicy: OptOutPolicy;
  readonly matching: Matching;
}

/** Events of one partition in order, and the step of the stored offset that their effects go with. */
export interface Batch {
  readonly topicId: string;
  readonly partition: number;
  readonly events: readonly SourceEvent[];
  /** `commit` moves the stored offset under a claim; `replay` moves none; `dry_run` rolls everything back. */
  readonly mode:
    | { readonly kind: 'commit'; readonly claim: Claim; readonly from: bigint; readonly to: bigint }
    | { readonly kind: 'replay' | 'dry_run' };
  /** Told before the COMMIT what becomes of the records that are new, in their order; rolls back by throwing. */
  readonly admit: (fates: readonly Fate[]) => void;
}

export async function projectBatch(context: PipelineContext, batch: Batch): Promise<BatchResult> {
  const { mode } = batch;
  const transaction = mode.kind === 'dry_run' ? inDryRun : inTransaction;
  return await transaction(context.canonical, async (client) => {
    if (mode.kind === 'commit') {
      await advance(client, mode.claim, { ...mode, streamedUntil: streamedUntil(batch.events) });
    } else await lockPartition(client, batch.topicId, batch.partition);
    return await projectEvents({ ...context, client }, batch);
  });
}

/** The stages behind the claim, in a transaction that holds the lock of the partition. */
export async function projectEvents(
  context: RoundContext,
  batch: Pick<Batch, 'events' | 'admit'>,
): Promise<BatchResult> {
  const tally = emptyResult();
  const rounds = roundsOf(batch.events, tally);
  const inBatch = { ...context, matching: withOneFloor(context.matching) };
  const lookedUp = await lookUpAndLock(inBatch, rounds);
  const news: Effect[] = [];
  for (const round of rounds) news.push(...(await projectRound(inBatch, { round, lookedUp }, tally)));
  batch.admit(fatesOf(news));
  return tally;
}

/** A sweep may lower the floor at any time; a row that is in reach only since then belongs to no agent that is locked. */
function withOneFloor(matching: Matching): Matching {
  const floorUs = matching.floorUs();
  return { ...matching, floorUs: () => floorUs };
}

/** When the source committed the newest change of the stream; snapshot rows say nothing about the stream. */
function streamedUntil(events: readonly SourceEvent[]): string | null {
  let newestMs: number | null = null;
  for (const event of events) {
    if ((event.kind !== 'image' && event.kind !== 'delete') || event.snapshot) continue;
    const ms = event.kind === 'image' ? event.committedAtMs : event.deletedAtMs;
    if (ms !== null && (newestMs === null || ms > newestMs)) newestMs = ms;
  }
  return newestMs === null ? null : new Date(newestMs).toISOString();
}

interface RoundContext extends PipelineContext {
  readonly client: Client;
}

/**
 * Looks up a batch, and locks the agents whose links it may change, all of them before the first change. What was found
 * of their runs before the locks is looked up again; of history from before the first live row there is nothing to lock.
 * Undefined where keys occur twice: then each round looks up what the one before it has left.
 */
async function lookUpAndLock(
  context: RoundContext,
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
async function lookedUpAgain(
  context: RoundContext,
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
  const { entry, context, inWindow } = facts;
  if (event.kind !== 'image' || (entry === null && !inWindow) || !isFresh(known)) return [];
  const decided = entry !== null && isMatchable(entry.decision) ? [entry.agentUrl] : [];
  const mayOwn = isOwner(facts) || event.row.userId === UNAVAILABLE;
  const now = inWindow && (mayOwn || decided.length > 0) ? [context?.agentUrl] : [];
  return [...decided, ...now].filter((agentUrl) => typeof agentUrl === 'string');
}

/** By record, whatever the order in which rounds and re-reading have met them. */
function fatesOf(effects: readonly Effect[]): Fate[] {
  if (effects.every(({ effect }) => effect !== 'quarantine')) return effects.map(() => null);
  const inOrder = effects.toSorted((a, b) => (a.event.position.offset < b.event.position.offset ? -1 : 1));
  return inOrder.map(({ effect, event }) => {
    if (effect !== 'quarantine') return null;
    const { position, reason, detail } = event;
    return { position, reason, detail };
  });
}

/** Gives the effects that are new: not those of records that lie in quarantine already. */
async function projectRound(
  context: RoundContext,
  { round, lookedUp }: { round: Round; lookedUp: readonly Known[] | undefined },
  tally: Tally,
): Promise<readonly Effect[]> {
  const known = lookedUp ?? (await withFacts(context, round.keyed));
  const unseen = dropSeen(known, tally);
  countLeftOut(unseen, tally);
  const fresh = await loosened(context, await completeForLoosening(context, unseen), tally);
  const effects: Effect[] = round.keyless.map((event) => decideUnusable(event, null));
  effects.push(...(await decideAll(context, fresh)));
  const parked = effects.flatMap(({ effect, event }) => (effect === 'quarantine' ? [event.position] : []));
  const before = await parkedBefore(context.client, parked);
  await applyEffects(context, effects, tally);
  return effects.filter(({ effect, event }) => effect !== 'quarantine' || !before.has(event.position.offset));
}

/**
 * What events of twins left out is read before their links are undone, where no row of ours is kept beside the twin to
 * hold it: were it gone from the legacy table by then, a run that was recorded would be left without any decision.
 */
async function completeForLoosening(
  context: RoundContext,
  unseen: readonly Known[],
): Promise<readonly Known[]> {
  const wanting = unseen.flatMap(({ event, facts: { entry } }) =>
    event.kind === 'image' && entry?.unsettled?.hasRun === false && !isComplete(event.row) ? [event] : [],
  );
  if (wanting.length === 0) return unseen;
  const completed = await reread(context.legacy, wanting);
  return unseen.map((known) => ({ ...known, event: completed.get(known.event.legacyId) ?? known.event }));
}

/** Events of unsettled twins are decided as if the live row had not been found yet. */
async function loosened(
  context: RoundContext,
  fresh: readonly Known[],
  tally: Tally,
): Promise<readonly Known[]> {
  const decided = fresh.flatMap(({ event, facts: { entry, runExists } }) =>
    event.kind === 'image' && entry !== null ? [{ event, entry, runExists }] : [],
  );
  const { changes, applied } = await loosenTwins(context.client, decided, context.matching);
  if (applied.length === 0) return fresh;
  tally.changes = addChanges(tally.changes, changes);
  const unlinked = new Set(applied.map(({ legacyId }) => legacyId));
  return await lookedUpAgain(
    context,
    fresh,
    fresh.filter(({ event }) => unlinked.has(event.legacyId)),
  );
}

async function withFacts<E extends Keyed>(
  { client, matching }: RoundContext,
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

async function decideAll(context: RoundContext, fresh: readonly Known[]): Promise<Effect[]> {
  const effects: Effect[] = [];
  const incomplete: Known<ImageEvent>[] = [];
  for (const { event, facts } of fresh) {
    if (event.kind === 'delete') effects.push({ effect: 'mark_deleted', event, facts });
    else if (event.kind === 'unusable') effects.push(decideUnusable(event, facts));
    else {
      const effect = decideImage(event, facts, context.optOutPolicy);
      if (effect === undefined) incomplete.push({ event, facts });
      else effects.push(effect);
    }
  }
  if (incomplete.length > 0) effects.push(...(await decideReread(context, incomplete)));
  return effects;
}

/** Reads what the events left out, looks up anew (the user id may have been among it), and decides. */
async function decideReread(
  context: RoundContext,
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
  return [...decided, ...unreadable.map(({ event, facts }) => decideUnreadable(event, facts))];
}

function countLeftOut(fresh: readonly Known[], tally: Tally): void {
  for (const { event } of fresh) {
    if (event.kind !== 'image') continue;
    for (const column of leftOutColumns(event.row)) tally.leftOut[column] = (tally.leftOut[column] ?? 0) + 1;
  }
}
