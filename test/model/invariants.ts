import { MATCHING } from '../support/run-records.ts';
import { PLACEHOLDER } from '../support/records.ts';
import type { Application } from './application.ts';
import type { Counts } from './counts.ts';
import type { Observed } from './engine.ts';
import { FOREIGN, type History } from './history.ts';
import type { LedgerRow, RunRow } from './memory/tables.ts';
import { contextOf, legacyIdOf, liveIdOf, ownRunIdOf } from './names.ts';
import { areTwins, describeRun } from './oracle.ts';
import type { Committed } from './projectors.ts';
import type { Change, Topic } from './topic.ts';

export interface Happened {
  readonly history: History;
  readonly topic: Topic;
  readonly application: Application;
}

export interface Did {
  /** Texts of the statements that came back. */
  readonly done: readonly string[];
  /** What sessions committed. */
  readonly committed: readonly Committed[];
  /** Some projector, replay or sweep is in a transaction. */
  readonly isBusy: boolean;
}

class Broken extends Error {
  override readonly name = 'Broken';
}

function must(invariant: string, holds: boolean, what: () => string): void {
  if (!holds) throw new Broken(`${invariant}: ${what()}`);
}

const NOTHING: Observed = { ledger: [], runs: [], unsettled: [], offsets: [], quarantined: [] };
export const isLive = ({ observations }: RunRow) => observations['note'] === 'live';
const SETTLE_AFTER_US = Number(MATCHING.settleAfterUs);

/** What must hold after every commit, whoever made it. The names are those of the list of invariants. */
export class Invariants {
  /** Links that nothing may change any more, by legacy id. */
  readonly stuck = new Map<string, string>();
  readonly #happened: Happened;
  readonly #liveTexts = new Map<string, string>();
  /** Rows of ours that retention took. */
  readonly #prunedOwn = new Set<string>();
  readonly #known = new WeakSet();
  #before = NOTHING;

  constructor(happened: Happened) {
    this.#happened = happened;
  }

  look(after: Observed, did: Did, counts: Counts): void {
    const before = this.#before;
    this.#eachRun(after);
    this.#eachDecision(before, after);
    this.#ownRuns(before, after);
    this.#offsets(before, after, did);
    for (const committed of did.committed) this.#notBothFree(before, after, committed);
    this.#links(before, after, counts);
    this.#orphans(after, did, counts);
    this.#noPlaceholder(after);
    this.#before = after;
  }

  /** I12, of rows that were not there before. */
  #noPlaceholder({ runs, ledger }: Observed): void {
    for (const row of [...runs, ...ledger]) {
      if (this.#known.has(row)) continue;
      this.#known.add(row);
      must('I12', !JSON.stringify(row).includes(PLACEHOLDER), () => 'a placeholder is stored');
    }
  }

  /** I10: live rows are as they were written, until retention takes them. */
  #eachRun({ runs }: Observed): void {
    const { pruned } = this.#happened.application;
    const present = new Map(runs.map((run) => [run.id, run]));
    for (const run of runs) {
      if (!isLive(run)) continue;
      const text = JSON.stringify(run);
      const first = this.#liveTexts.get(run.id) ?? text;
      this.#liveTexts.set(run.id, first);
      must('I10', first === text, () => `live row ${run.id} was changed`);
    }
    for (const id of this.#liveTexts.keys())
      must('I10', present.has(id) || pruned.has(id), () => `live row ${id} is gone`);
  }

  #eachDecision(before: Observed, after: Observed): void {
    const old = new Map(before.ledger.map((entry) => [entry.legacyId, entry]));
    const mayEnd = new Set(before.unsettled.flatMap(({ legacyId, hasRun }) => (hasRun ? [] : [legacyId])));
    const stands = after.ledger.flatMap(({ runId }) => runId ?? []);
    must('I2', new Set(stands).size === stands.length, () => 'a canonical row stands for two legacy rows');
    for (const entry of after.ledger) {
      const was = old.get(entry.legacyId);
      if (entry.runId !== null)
        must('I9', this.#isProven(entry), () => `${entry.legacyId} has a canonical row and no owner`);
      if (was === undefined) continue;
      must('I4', entry.offset >= was.offset, () => `${entry.legacyId} went back to an older event`);
      must(
        'I11',
        !was.isDeleted || entry.isDeleted || entry.offset > was.offset,
        () => `${entry.legacyId} was deleted, and is not any more`,
      );
      // Beside an unsettled twin on an agent that opted out no row of ours is kept: its link may end in nothing.
      const isKept = entry.runId !== null || was.runId === null || mayEnd.has(entry.legacyId);
      must('design', isKept, () => `the owner decision on ${entry.legacyId} was taken back`);
    }
    for (const legacyId of old.keys())
      must(
        'I1',
        after.ledger.some((entry) => entry.legacyId === legacyId),
        () => `${legacyId} lost its decision`,
      );
  }

  /** The stored proof, and what the history says about it. */
  #isProven({ contextId, userId, isMember, listsAgent }: LedgerRow): boolean {
    const isOwned = contextId !== contextOf(FOREIGN).id;
    const { hasJoined } = this.#happened.application;
    const isMemberNow = userId === 'user_owner' || (userId === 'user_late' && hasJoined);
    return isMember === true && listsAgent === true && isOwned && isMemberNow;
  }

  /** I2, I11: a row of ours is there exactly where the ledger says so, and none comes back that retention took. */
  #ownRuns(before: Observed, after: Observed): void {
    const runs = new Set(after.runs.map(({ id }) => id));
    const entries = new Map(after.ledger.map((entry) => [entry.legacyId, entry]));
    const were = new Set(before.runs.map(({ id }) => id));
    const projectedBefore = new Set(
      before.ledger.flatMap(({ decision, runId }) => (decision === 'projected' ? (runId ?? []) : [])),
    );
    for (const index of this.#happened.history.rows.keys()) {
      const [legacyId, own] = [legacyIdOf(index), ownRunIdOf(index)];
      const entry = entries.get(legacyId);
      const isProjected = entry?.decision === 'projected' && entry.runId === own;
      if (isProjected && !runs.has(own) && were.has(own) && projectedBefore.has(own))
        this.#prunedOwn.add(own);
      must('I2', !runs.has(own) || isProjected, () => `a row of ours stands beside ${legacyId}`);
      must(
        'I11',
        !runs.has(own) || !this.#prunedOwn.has(own),
        () => `what retention took of ${legacyId} is back`,
      );
      const isPruned = this.#happened.application.pruned.has(own);
      must('I2', !isProjected || runs.has(own) || isPruned, () => `the row of ours for ${legacyId} is lost`);
    }
    const lives = new Set(this.#happened.history.lives.map((_, index) => liveIdOf(index)));
    for (const { legacyId, decision, runId } of after.ledger)
      if (decision === 'twin')
        must(
          'N4',
          lives.has(runId ?? '') && this.#liveTexts.has(runId ?? ''),
          () => `${legacyId} is linked to no committed live row`,
        );
    const twins = new Set(
      after.ledger.filter(({ decision }) => decision === 'twin').map(({ legacyId }) => legacyId),
    );
    for (const { legacyId } of after.unsettled)
      must('I13', twins.has(legacyId), () => `${legacyId} is unsettled, and no twin`);
  }

  /** I6, I8: offsets and epochs only grow, and who commits holds the partition. */
  #offsets(before: Observed, after: Observed, { committed }: Did): void {
    for (const was of before.offsets) {
      const now = after.offsets.find(({ partition }) => partition === was.partition);
      const grew = now !== undefined && now.epoch >= was.epoch && now.nextOffset >= was.nextOffset;
      must('I6', grew, () => `partition ${String(was.partition)} went back`);
    }
    for (const { partition, epoch } of committed) {
      const held = before.offsets.find((row) => row.partition === partition)?.epoch;
      must(
        'I8',
        held === epoch,
        () =>
          `epoch ${String(epoch)} committed to partition ${String(partition)}, which is held with ${String(held)}`,
      );
    }
  }

  /** A pairing has as many pairs as it can: no run that was decided now is left beside a live row that was free all along. */
  #notBothFree(before: Observed, after: Observed, { lives, hasRepeats }: Committed): void {
    if (hasRepeats) return;
    const seen = new Set([...lives].map(liveIdOf));
    const linked = new Set([...before.ledger, ...after.ledger].flatMap(({ runId }) => runId ?? []));
    const free = before.runs.filter((run) => seen.has(run.id) && !linked.has(run.id));
    const old = new Map(before.runs.map((run) => [run.id, JSON.stringify(run)]));
    for (const { decision, runId, fingerprint, reason, legacyId } of after.ledger) {
      const own = after.runs.find(({ id }) => id === runId);
      if (decision !== 'projected' || fingerprint === null || own === undefined || reason === 'twin_blocked')
        continue;
      if (old.get(own.id) === JSON.stringify(own)) continue;
      const twin = free.find((live) => areTwins(describeRun(own), describeRun(live)));
      must(
        'I2',
        twin === undefined,
        () => `${legacyId} was projected beside its free live row ${twin?.id ?? ''}`,
      );
    }
  }

  /** I13: what is settled stays, and nothing is settled before its time. */
  #links(before: Observed, after: Observed, counts: Counts): void {
    const open = new Set(after.unsettled.map(({ legacyId }) => legacyId));
    const wasOpen = new Set(before.unsettled.map(({ legacyId }) => legacyId));
    const old = new Map(before.ledger.map((entry) => [entry.legacyId, entry]));
    for (const entry of after.ledger) {
      const { legacyId, decision, runId } = entry;
      const stuckTo = this.stuck.get(legacyId);
      must(
        'I13',
        stuckTo === undefined || runId === stuckTo,
        () => `the settled link of ${legacyId} was changed`,
      );
      const was = old.get(legacyId);
      if (was !== undefined && was.runId !== runId) counts.add('links changed');
      if (decision !== 'twin' || runId === null || stuckTo !== undefined) continue;
      const events = this.#applied(was, entry);
      if (!open.has(legacyId)) {
        if (wasOpen.has(legacyId) && was?.runId === runId)
          must(
            'I13',
            this.#isOver(entry, after) ||
              events.some((event) => moves(event, was) || isLate(event, was)) ||
              // Retention took the live row: an event that came after that undoes nothing.
              (events.length > 0 && !after.runs.some(({ id }) => id === runId)),
            () => `${legacyId} was settled too early`,
          );
        this.stuck.set(legacyId, runId);
        counts.add('settled');
      } else if (was?.runId === runId && events.length > 0 && events.every((event) => isLate(event, was))) {
        this.stuck.set(legacyId, runId);
        counts.add('changed when its time was over');
      }
    }
  }

  /**
   * I11, N14: what retention took is not decided again. A transaction that was under way meanwhile may still have seen
   * the live row, and have done what it would have done just before.
   */
  #orphans({ ledger, runs }: Observed, { isBusy }: Did, counts: Counts): void {
    const present = new Set(runs.map(({ id }) => id));
    for (const { legacyId, decision, runId } of ledger) {
      const isOrphan = decision === 'twin' && runId !== null && !present.has(runId);
      if (!isOrphan || isBusy || this.stuck.has(legacyId)) continue;
      this.stuck.set(legacyId, runId);
      counts.add('links to a live row that is gone');
    }
  }

  /** The changes of a row between two states of its decision. */
  #applied(was: LedgerRow | undefined, { legacyId, partition, offset }: LedgerRow): Change[] {
    if (was === undefined) return [];
    const placed = this.#happened.topic.partitions[partition] ?? [];
    return placed
      .slice(was.offset + 1, offset + 1)
      .flatMap(({ change }) => (change !== null && legacyIdOf(change.row) === legacyId ? [change] : []));
  }

  #isOver({ startedAtUs }: LedgerRow, { offsets }: Observed): boolean {
    const until = offsets.flatMap(({ streamedUntilUs }) => streamedUntilUs ?? []);
    return startedAtUs !== null && Math.min(...until) > startedAtUs + SETTLE_AFTER_US;
  }
}

/** A change of the stream that the source committed when the pair's time was over. */
function isLate({ op, committedAtUs }: Change, { startedAtUs }: LedgerRow): boolean {
  return op !== 'r' && op !== 'd' && committedAtUs > (startedAtUs ?? Infinity) + SETTLE_AFTER_US;
}

/** A user that was left out is read from the table, which may be ahead of the change. */
function moves({ image, leftOut }: Change, { contextId, userId }: LedgerRow): boolean {
  if (image === null) return false;
  if (leftOut.includes('user_id')) return true;
  const user = image.user === 'nobody' ? null : `user_${image.user}`;
  return contextOf(image.agent).id !== contextId || user !== userId;
}
