/**
 * One batch of events, in one Postgres transaction: start reading here.
 *
 *   decode      bytes to events                       decode.ts (before the transaction, while the last one runs)
 *   claim       move stored offsets, fence zombies    offsets.ts
 *   lock        the agents whose runs may have twins  look-up-and-lock.ts, twins/agent-locks.ts
 *   look up     ledger, context, ownership, copies    lookup.ts
 *   restore     what `undo` took back of the keys     restore.ts
 *   drop        what the key has seen already         drop-seen.ts
 *   hold        keys whose primary key was changed     key-changes.ts
 *   loosen      links that a new image may end        twins/loosen.ts
 *   re-read     values that an event left out         reread.ts
 *   decide      what each event does                  decide-events.ts, decide.ts, classify.ts
 *   match       which runs the live path recorded     apply-effects.ts, twins/match.ts
 *   write       canonical rows, ledger, quarantine    write.ts
 *   admit       too much quarantined: stop            quarantine-breaker.ts, breaker-window.ts
 *
 * Effects and offset are committed together or not at all, so a crash at any point repeats nothing. A key that occurs
 * twice in a batch goes through the stages once for each event, in its order: how records fall into batches must not
 * change what comes out.
 */
import { lockThenRead } from '../../lib/lock-then-read.ts';
import { formatPosition } from '../../lib/position.ts';
import { inDryRun, inTransaction, type Client, type Pool } from '../../lib/postgres.ts';
import { applyEffects } from './batch/apply-effects.ts';
import { recordCounted } from './batch/breaker-window.ts';
import { addChanges } from './rule/changes.ts';
import type { OptOutPolicy } from './rule/classify.ts';
import { decideUnusable, type Effect } from './rule/decide.ts';
import { decideEvents } from './batch/decide-events.ts';
import { dropSeen, type Known } from './batch/drop-seen.ts';
import { isComplete, leftOutColumns, type SourceEvent } from './record/event.ts';
import { holdKeyChanges, KEY_CHANGED, recordKeyChanges } from './batch/key-changes.ts';
import { lookedUpAgain, lookUpAndLock, withFacts } from './batch/look-up-and-lock.ts';
import { advance, lockPartition, type ReadBeside, type Step } from './batch/offsets.ts';
import { parkedBefore } from './batch/parked-before.ts';
import type { Admitted, Fate } from './batch/quarantine-breaker.ts';
import { emptyResult, type BatchResult, type Tally } from './batch/result.ts';
import { reread } from './batch/reread.ts';
import { restoreUndone } from './batch/restore.ts';
import { roundsOf, type Round } from './batch/rounds.ts';
import { loosenTwins } from './twins/loosen.ts';
import type { Matching } from './twins/matching.ts';

export interface PipelineContext {
  readonly canonical: Pool;
  readonly legacy: Pool;
  readonly optOutPolicy: OptOutPolicy;
  /** For how long a re-read may still decide a row anew that has no canonical row; not set: for no time at all. */
  readonly graceSeconds?: number;
  readonly matching: Matching;
  /**
   * Of a process that keeps events from one transaction to the next: the generation of `undo` in which it started. Its
   * transactions are refused once an `undo` has taken rows back.
   */
  readonly undoGeneration?: bigint;
}

/** Events of a topic, those of each partition in order, and the steps of the stored offsets that their effects go with. */
export interface Batch {
  readonly events: readonly SourceEvent[];
  /** `commit` moves the stored offsets of its partitions under claims; `replay` moves none; `dry_run` rolls everything back. */
  readonly mode: { readonly kind: 'commit'; readonly steps: readonly Step[] } | ReadBeside;
  /**
   * Told before the COMMIT what becomes of the records that are new, in their order; rolls back by throwing. What is
   * counted is recorded, so that the breaker of the next process counts it too.
   */
  readonly admit: (fates: readonly Fate[]) => Admitted;
}

/**
 * Batches of at most this many events use prepared statements with a generic plan. Measured: from about 600 events on, rows wait
 * longer with the generic plan than with one plan per batch.
 */
const PREPARED_EVENTS = 250;

export async function projectBatch(context: PipelineContext, batch: Batch): Promise<BatchResult> {
  const { mode } = batch;
  const transaction = mode.kind === 'dry_run' ? inDryRun : inTransaction;
  const claim: Claiming = (client) =>
    mode.kind === 'commit'
      ? advanceAll({ ...context, client }, mode.steps, batch.events)
      : lockPartition(client, mode, context.undoGeneration);
  const work = (client: Client) => projectEvents({ ...context, client }, batch, claim);
  return await transaction(context.canonical, work, { prepared: batch.events.length <= PREPARED_EVENTS });
}

/** Takes the locks of the partitions, and moves their stored offsets. */
type Claiming = (client: Client) => Promise<void>;

/** All stages, in a transaction of the caller. Without `claim`, the caller holds the locks of the partitions already. */
export async function projectEvents(
  context: RoundContext,
  batch: Pick<Batch, 'events' | 'admit'>,
  claim?: Claiming,
): Promise<BatchResult> {
  const tally = emptyResult();
  const rounds = roundsOf(batch.events, tally);
  const inBatch = { ...context, matching: withOneFloor(context.matching) };
  const lookUp = () => lookUpAndLock(inBatch, rounds);
  const lookedUp =
    claim === undefined ? await lookUp() : (await lockThenRead(context.client, claim, lookUp))[1];
  await recordTruncates(context.client, batch.events);
  const news: Effect[] = [];
  for (const round of rounds) news.push(...(await projectRound(inBatch, { round, lookedUp }, tally)));
  const fates = fatesOf(news);
  if (batch.admit(fates) === 'counted') await recordCounted(context.client, fates);
  return tally;
}

const RECORD_TRUNCATE = `
  INSERT INTO history_cdc.truncated (topic_id, partition, "offset", lsn) VALUES ($1, $2, $3, '0/0'::pg_lsn + $4::bigint)
  ON CONFLICT DO NOTHING`;

/** Remembers truncates that a person has accepted: `reconcile` takes them for the reason why rows are gone without an event. */
async function recordTruncates(client: Client, events: readonly SourceEvent[]): Promise<void> {
  for (const event of events) {
    if (event.kind !== 'truncate' || event.accepted !== true) continue;
    const { topicId, partition, offset } = event.position;
    await client.query(RECORD_TRUNCATE, [topicId, partition, offset, event.lsn ?? null]);
  }
}

/** A sweep may lower the floor at any time; a row that is in reach only since then belongs to no agent that is locked. */
function withOneFloor(matching: Matching): Matching {
  const floorUs = matching.floorUs();
  return { ...matching, floorUs: () => floorUs };
}

/** Sent together, in the order of the partitions, because `lockAllPartitions` locks them in that order, too. */
async function advanceAll(
  { client, undoGeneration }: Pick<RoundContext, 'client' | 'undoGeneration'>,
  steps: readonly Step[],
  events: readonly SourceEvent[],
): Promise<void> {
  const inOrder = steps.toSorted((a, b) => a.claim.partition - b.claim.partition);
  const ofPartition = (partition: number) =>
    events.filter(({ position }) => position.partition === partition);
  await Promise.all(
    inOrder.map((step) =>
      advance(client, {
        ...step,
        streamedUntil: streamedUntil(ofPartition(step.claim.partition)),
        undoGeneration,
      }),
    ),
  );
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

/** By record, whatever the order in which rounds and re-reading have met them. */
function fatesOf(effects: readonly Effect[]): Fate[] {
  if (effects.every(({ effect }) => effect !== 'quarantine')) return effects.map(() => null);
  const inOrder = effects.toSorted((a, b) => {
    const [one, other] = [a.event.position, b.event.position];
    return one.partition - other.partition || (one.offset < other.offset ? -1 : 1);
  });
  return inOrder.map(({ effect, event }) => {
    if (effect !== 'quarantine') return null;
    const { position, reason, detail } = event;
    // It waits for its other half: nothing is wrong with it.
    if (reason === KEY_CHANGED) return null;
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
  const unseen = dropSeen(await restoreUndone(context, known, tally), tally);
  countLeftOut(unseen, tally);
  await recordKeyChanges(
    context.client,
    unseen.map(({ event }) => event),
  );
  const { held, free } = holdKeyChanges(unseen);
  const fresh = await loosened(context, await completeForLoosening(context, free), tally);
  const effects: Effect[] = [...round.keyless.map((event) => decideUnusable(event, null)), ...held];
  effects.push(...(await decideEvents(context, fresh)));
  const parked = effects.flatMap(({ effect, event }) => (effect === 'quarantine' ? [event.position] : []));
  const before = await parkedBefore(context.client, parked);
  await applyEffects(context, effects, tally);
  return effects.filter(
    ({ effect, event }) => effect !== 'quarantine' || !before.has(formatPosition(event.position)),
  );
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

function countLeftOut(fresh: readonly Known[], tally: Tally): void {
  for (const { event } of fresh) {
    if (event.kind !== 'image') continue;
    for (const column of leftOutColumns(event.row)) tally.leftOut[column] = (tally.leftOut[column] ?? 0) + 1;
  }
}
