import { pairsByDefinition } from '../support/pairs-by-definition.ts';
import type { Counts } from './counts.ts';
import type { Observed } from './engine.ts';
import { isLive, type Happened } from './invariants.ts';
import type { LedgerRow, RunRow } from './memory/tables.ts';
import { contextOf, legacyIdOf, legacyRowOf, ownRunIdOf, userIdOf } from './names.ts';
import {
  areTwins,
  describe,
  describeRun,
  expected,
  isUncertain,
  type Described,
  type Expected,
} from './oracle.ts';
import type { Change } from './topic.ts';

interface End {
  readonly final: Observed;
  /** Settled links, by legacy id: what they are is history, and no matter of the definition any more. */
  readonly stuck: ReadonlyMap<string, string>;
}

/** A run that takes part in matching at the end. */
interface Participant {
  readonly id: string;
  readonly atUs: number;
  readonly described: Described;
  readonly index: number;
}

/**
 * Everything is delivered and one sweep has passed: every row that ever was has its decision (I1); the links are those
 * of the definition, for the committed live rows and the owners' rows (I5, I13); our rows are the newest images.
 *
 * Not held to the definition: links that were settled (by time, by a move to another agent or user while linked, by
 * retention of our row before), and links whose live row retention took; both sides of them are out of the question
 * for the others. Rows that skipped matching, because no live row was known to be that old: the sweeper finds them for
 * a live row that is free, and not for one that another row has by then; and not at all where neither our row nor the
 * legacy row is there to say how it looked. Where a row's decision depends on when a membership came, or on whether a value could still be read,
 * its decision is taken as it is, and its link, too.
 */
export function checkOutcome(
  { history, topic, application }: Happened,
  { final, stuck }: End,
  counts: Counts,
): void {
  const entries = new Map(final.ledger.map((entry) => [entry.legacyId, entry]));
  const runs = new Map(final.runs.map((run) => [run.id, run]));
  const [participants, skipped]: [Participant[], Participant[]] = [[], []];
  const taken = new Set<string>();
  for (const index of history.rows.keys()) {
    const legacyId = legacyIdOf(index);
    const entry = entries.get(legacyId);
    const changes = topic.partitions.flat().flatMap(({ change }) => (change?.row === index ? [change] : []));
    if (changes.length === 0) continue;
    if (entry === undefined) throw new Error(`I1: ${legacyId} has no decision`);
    const isFree = isUndecidable(changes);
    counts.add(isFree ? 'rows not held to a decision' : 'rows held to a decision');
    const want = isFree ? seen(entry, changes) : expected(changes, history.optedOut, application.hasJoined);
    const isLinked = entry.decision === 'twin' && entry.runId !== null;
    if (stuck.has(legacyId) || (isLinked && (isFree || !runs.has(entry.runId)))) {
      counts.add('links not held to the definition');
      if (entry.runId !== null) taken.add(entry.runId);
    } else {
      checkDecision(entry, want, legacyId);
      const own = runs.get(ownRunIdOf(index));
      if (!isFree) checkRun(own, want, index);
      if (want.kind === 'plain') continue;
      const described = isFree && own !== undefined ? describeRun(own) : describe(want.image);
      const participant = { id: legacyId, described, atUs: described.atUs, index };
      // How a row looks that skipped matching, our row or the legacy row says.
      const isKnown = own !== undefined || application.images[index] !== null;
      if (entry.fingerprint !== null) participants.push(participant);
      else if (isKnown) skipped.push(participant);
    }
  }
  checkLinks({ participants, taken, entries, final, referred: application.referred }, counts);
  checkSkipped(skipped, final);
  counts.add('runs that skipped matching', skipped.length);
}

/**
 * A late membership; or values that were left out and had to be read from the legacy table, from which the row may have
 * been gone by then, or in which it may have stood on another user already.
 */
function isUndecidable(changes: readonly Change[]): boolean {
  const users = new Set(changes.flatMap(({ image }) => image?.user ?? []));
  const isDeleted = changes.some(({ image }) => image === null);
  const isLeftOut = changes.some(({ leftOut }) => leftOut.length > 0);
  return [...users].some(isUncertain) || (isLeftOut && (isDeleted || users.size > 1));
}

/** The row as its decision has it. */
function seen({ decision, contextId, userId }: LedgerRow, changes: readonly Change[]): Expected {
  const isOwners = decision === 'projected' || decision === 'twin' || decision === 'opted_out';
  const image = changes
    .flatMap(({ image: one }) => one ?? [])
    .findLast((one) => contextOf(one.agent).id === contextId && userIdOf(one.user) === userId);
  if (!isOwners || image === undefined) return { kind: 'plain', decision };
  return decision === 'opted_out' ? { kind: 'opted out', image } : { kind: 'owned', image, isAway: false };
}

function checkDecision({ decision }: LedgerRow, want: Expected, legacyId: string): void {
  const fits =
    want.kind === 'plain'
      ? decision === want.decision
      : decision === 'twin' || decision === (want.kind === 'owned' ? 'projected' : 'opted_out');
  if (!fits) throw new Error(`I1: ${legacyId} is ${decision}; expected ${JSON.stringify(want)}`);
}

/** Our row is the newest image, as the mapping has it. */
function checkRun(run: RunRow | undefined, want: Expected, index: number): void {
  if (run === undefined || want.kind !== 'owned') return;
  const row = legacyRowOf(index, want.image);
  const wanted = {
    ...describe(want.image),
    tracksPassed: row.steps_passed,
    tracksFailed: row.steps_failed,
    scenario: row.scenario,
    userId: userIdOf(want.image.user),
  };
  const has = {
    ...describeRun(run),
    tracksPassed: run.tracksPassed,
    tracksFailed: run.tracksFailed,
    scenario: run.observations['original_scenario'],
    userId: run.observations['backfill_user_id'],
  };
  for (const [name, value] of Object.entries(wanted)) {
    const now = (has as Record<string, unknown>)[name];
    if (now !== value)
      throw new Error(
        `I5: ${name} of the row of ours for ${legacyIdOf(index)} is ${String(now)}, not ${String(value)}`,
      );
  }
}

function checkSkipped(skipped: readonly Participant[], { ledger, runs }: Observed): void {
  const linked = new Set(ledger.flatMap(({ runId }) => runId ?? []));
  for (const { id, described } of skipped) {
    const free = runs.find(
      (run) => isLive(run) && !linked.has(run.id) && areTwins(described, describeRun(run)),
    );
    if (free !== undefined) throw new Error(`I13: ${id} stands beside its free live row ${free.id}`);
  }
}

interface Linked {
  readonly participants: readonly Participant[];
  /** Live rows that are out of the question. */
  readonly taken: ReadonlySet<string>;
  readonly entries: ReadonlyMap<string, LedgerRow>;
  readonly final: Observed;
  readonly referred: ReadonlySet<string>;
}

function checkLinks({ participants, taken, entries, final, referred }: Linked, counts: Counts): void {
  const lives = final.runs
    .filter((run) => isLive(run) && !taken.has(run.id))
    .map((run) => ({ id: run.id, atUs: run.testedAtUs, described: describeRun(run) }));
  const pairs = pairsByDefinition(participants, lives, (a, x) => areTwins(a.described, x.described));
  for (const { id, index } of participants) {
    const entry = entries.get(id);
    const link = entry?.decision === 'twin' ? entry.runId : undefined;
    const isBlocked = entry?.reason === 'twin_blocked' && referred.has(ownRunIdOf(index));
    if (isBlocked) counts.add('links held back by a reference');
    else if (link !== pairs[id])
      throw new Error(`I5: ${id} is linked to ${String(link)}; by definition to ${String(pairs[id])}`);
    counts.add(link === undefined ? 'runs without a live row' : 'twins');
  }
}
