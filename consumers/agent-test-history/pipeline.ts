/**
 * One batch of events of one partition, in one Postgres transaction: start reading here.
 *
 *   decode      bytes to events                       decode.ts (before the transaction, while the last one runs)
 *   claim       move the stored offset, fence zombies offsets.ts
 *   look up     ledger, context, ownership, copies    lookup.ts
 *   drop        what the key has seen already         (here)
 *   re-read     values that an event left out         reread.ts
 *   decide      what each event does                  decide.ts, classify.ts
 *   write       canonical rows, ledger, quarantine    write.ts
 *   admit       too much quarantined: stop            quarantine-breaker.ts
 *
 * Effects and offset are committed together or not at all, so a crash at any point repeats nothing. A key that occurs
 * twice in a batch goes through the stages once for each event, in its order: how records fall into batches must not
 * change what comes out.
 */
import assert from 'node:assert/strict';
import { FatalError } from '../lib/errors.ts';
import { inDryRun, inTransaction, type Client, type Pool } from '../lib/postgres.ts';
import { comparePositions, formatPosition } from '../lib/position.ts';
import type { OptOutPolicy } from './classify.ts';
import { decideImage, decideUnreadable, decideUnusable, type Effect } from './decide.ts';
import { TEXT_COLUMNS, UNAVAILABLE } from './event.ts';
import type { ImageEvent, KeyedEvent, SourceEvent, TruncateEvent, UnusableEvent } from './event.ts';
import { lookUp, type Facts } from './lookup.ts';
import { advance, lockPartition, type Claim } from './offsets.ts';
import { parkedBefore } from './parked-before.ts';
import type { Fate } from './quarantine-breaker.ts';
import { emptyResult, type BatchResult, type Tally } from './result.ts';
import { reread } from './reread.ts';
import {
  addChanges,
  healQuarantine,
  writeDecisions,
  writeDeletes,
  writeLaterImages,
  writeQuarantine,
} from './write.ts';

export interface PipelineContext {
  readonly canonical: Pool;
  readonly legacy: Pool;
  readonly optOutPolicy: OptOutPolicy;
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
    if (mode.kind === 'commit') await advance(client, mode.claim, mode);
    else await lockPartition(client, batch.topicId, batch.partition);
    const tally = emptyResult();
    const news: Effect[] = [];
    for (const round of roundsOf(batch.events, tally))
      news.push(...(await projectRound({ ...context, client }, round, tally)));
    batch.admit(fatesOf(news));
    return tally;
  });
}

type Keyed = KeyedEvent & { readonly legacyId: string };
interface Round {
  readonly keyed: Keyed[];
  readonly keyless: UnusableEvent[];
}

/** Splits a batch so that no key occurs twice in a round; in a snapshot that is one round. */
function roundsOf(events: readonly SourceEvent[], tally: Tally): Round[] {
  const rounds: Round[] = [];
  const occurrences = new Map<string, number>();
  const round = (index: number) => (rounds[index] ??= { keyed: [], keyless: [] });
  for (const event of events) {
    tally.read++;
    if (event.kind === 'truncate') throw sourceTruncated(event);
    if (event.kind === 'tombstone') tally.records.tombstone++;
    else if (event.kind === 'unusable' && event.legacyId === null) round(0).keyless.push(event);
    else {
      const keyed = event as Keyed;
      const nth = occurrences.get(keyed.legacyId) ?? 0;
      occurrences.set(keyed.legacyId, nth + 1);
      round(nth).keyed.push(keyed);
    }
  }
  return rounds;
}

interface RoundContext extends PipelineContext {
  readonly client: Client;
}

interface Known<E extends Keyed = Keyed> {
  readonly event: E;
  readonly facts: Facts;
}

/** By record, whatever the order in which rounds and re-reading have met them. */
function fatesOf(effects: readonly Effect[]): Fate[] {
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
  { keyed, keyless }: Round,
  tally: Tally,
): Promise<readonly Effect[]> {
  const fresh = dropSeen(await withFacts(context.client, keyed), tally);
  countLeftOut(fresh, tally);
  const effects: Effect[] = keyless.map((event) => decideUnusable(event, null));
  effects.push(...(await decideAll(context, fresh)));
  const parked = effects.flatMap(({ effect, event }) => (effect === 'quarantine' ? [event.position] : []));
  const before = await parkedBefore(context.client, parked);
  await writeAll(context.client, effects, tally);
  return effects.filter(({ effect, event }) => effect !== 'quarantine' || !before.has(event.position.offset));
}

async function withFacts<E extends Keyed>(client: Client, events: readonly E[]): Promise<Known<E>[]> {
  if (events.length === 0) return [];
  const facts = await lookUp(client, events);
  return events.map((event, index) => {
    const known = facts[index];
    assert(known !== undefined);
    return { event, facts: known };
  });
}

/** An event applies only beyond the position that the ledger has for its key. */
function dropSeen(known: readonly Known[], tally: Tally): Known[] {
  return known.filter(({ event, facts: { entry } }) => {
    if (entry === null) return true;
    switch (comparePositions(event.position, entry.position)) {
      case 'after':
        return true;
      case 'same':
        tally.records.duplicate++;
        return false;
      case 'before':
        tally.records.stale++;
        return false;
      case 'incomparable':
        // Another topic id was accepted as the successor; in one topic, a key has one partition.
        if (event.position.topicId !== entry.position.topicId) return true;
        throw movedPartition(event);
    }
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
  const decided = (await withFacts(context.client, [...completed.values()])).map(({ event, facts }) => {
    const effect = decideImage(event, facts, context.optOutPolicy);
    assert(effect !== undefined, 'a completed row is not complete');
    return effect;
  });
  return [...decided, ...unreadable.map(({ event, facts }) => decideUnreadable(event, facts))];
}

async function writeAll(client: Client, effects: readonly Effect[], tally: Tally): Promise<void> {
  const of = <K extends Effect['effect']>(kind: K) =>
    effects.filter((effect): effect is Extract<Effect, { effect: K }> => effect.effect === kind);
  const records = of('record');
  const laterImages = of('later_image');
  const deletes = of('mark_deleted');
  const quarantined = of('quarantine');
  const written = [
    await writeDecisions(client, records),
    await writeLaterImages(client, laterImages),
    await writeDeletes(client, deletes),
    await writeQuarantine(client, quarantined),
  ];
  await healQuarantine(
    client,
    [...records, ...laterImages.filter(({ readable }) => readable)]
      .filter(({ facts }) => facts.hasOpenQuarantine)
      .map(({ event }) => event.legacyId),
  );
  tally.changes = written.reduce(addChanges, tally.changes);
  tally.records.applied += records.length + laterImages.length + deletes.length;
  tally.records.quarantined += quarantined.length;
  for (const { decision } of records) tally.decisions[decision] = (tally.decisions[decision] ?? 0) + 1;
  const gone = deletes.filter(({ facts }) => facts.entry === null).length;
  const parked = quarantined.filter(({ recordsDecision }) => recordsDecision).length;
  if (gone > 0) tally.decisions.gone = (tally.decisions.gone ?? 0) + gone;
  if (parked > 0) tally.decisions.quarantined = (tally.decisions.quarantined ?? 0) + parked;
}

function countLeftOut(fresh: readonly Known[], tally: Tally): void {
  for (const { event } of fresh) {
    if (event.kind !== 'image') continue;
    for (const column of TEXT_COLUMNS) {
      if (event.row[column] === UNAVAILABLE) tally.leftOut[column] = (tally.leftOut[column] ?? 0) + 1;
    }
  }
}

function sourceTruncated({ position }: TruncateEvent): FatalError {
  return new FatalError({
    code: 'SOURCE_TRUNCATED',
    message: `agent_test_history was truncated (record ${formatPosition(position)})`,
    wayOut: `nothing of ours was removed; if the truncate was meant, go on with \`history-cdc project --accept-truncate ${formatPosition(position)}\``,
    facts: { partition: position.partition, offset: String(position.offset) },
  });
}

function movedPartition({ position, legacyId }: Keyed): FatalError {
  return new FatalError({
    code: 'PARTITIONS_CHANGED',
    message: `legacy row ${legacyId} was seen in another partition before (record ${formatPosition(position)})`,
    wayOut:
      'the records of a key must lie in one partition: make a new topic, snapshot the table into it, then `history-cdc project --accept-new-topic`',
    facts: { partition: position.partition, offset: String(position.offset) },
  });
}
