/**
 * Restores what `undo` took back, when the next event of the key comes: the recorded decision, at its position, with
 * its canonical row. So the event meets a decided row, and has the effect that it would have had without the `undo`.
 * Nothing is decided again by today's look-ups. There are two exceptions, because they would show one run twice: a copy
 * by the earlier script, and a live twin.
 */
import assert from 'node:assert/strict';
import type { Client } from '../../../lib/postgres.ts';
import { assertNoneKeptOut } from '../../../lib/postgres-errors.ts';
import { sqlFile } from '../../../lib/sql-file.ts';
import { addChanges, NO_CHANGES, type Changes } from '../rule/changes.ts';
import { adoption } from '../rule/classify.ts';
import type { Known } from './drop-seen.ts';
import { lookedUpAgain, type LookUpContext } from './look-up-and-lock.ts';
import type { Decision } from '../rule/outcome.ts';
import { countDecisions, type Tally } from './result.ts';
import { ledgerSeeds, rematch } from '../twins/match.ts';

const RESTORE = sqlFile(import.meta.url, './sql/restore-undone.sql');
const ENTER_MATCHING = sqlFile(import.meta.url, '../sweep/sql/enter-by-own-run.sql');

/**
 * Returns the facts; the restored keys are looked up again. The caller holds the lock of the partition, and the locks
 * of the agents whose runs may have got a live twin.
 */
export async function restoreUndone(
  context: LookUpContext,
  known: readonly Known[],
  tally: Tally,
): Promise<readonly Known[]> {
  const undone = known.filter(
    ({ event, facts }) =>
      facts.undone !== null && !(event.kind === 'unusable' && event.leavesUndone === true),
  );
  if (undone.length === 0) return known;
  const { decisions, changes } = await putBack(context.client, undone);
  const matchable = undone.filter(
    ({ event, facts }) => facts.undone?.mayMatch === true && decisions.has(event.legacyId),
  );
  const relinked = await matchAgain(
    context,
    matchable.map(({ event }) => event.legacyId),
  );
  for (const { legacyId, was, becomes } of relinked.applied)
    if (was.decision !== becomes.decision) decisions.set(legacyId, becomes.decision);
  countDecisions(tally, [...decisions.values()]);
  tally.changes = [changes, relinked.changes].reduce(addChanges, tally.changes);
  return await lookedUpAgain(context, known, undone);
}

interface PutBack {
  /** By legacy id. */
  readonly decisions: Map<string, Decision>;
  readonly changes: Changes;
}

async function putBack(client: Client, undone: readonly Known[]): Promise<PutBack> {
  const adopted = new Map(
    undone.map(({ event, facts }) => [event.legacyId, adoption(facts.scriptCopies)] as const),
  );
  const copies = [...adopted.values()];
  const { rows } = await client.query<{ runs_inserted: number; legacy_ids: string[]; kept_out: number }>(
    RESTORE,
    [
      [...adopted.keys()],
      copies.map((copy) => copy?.canonicalRunId ?? null),
      copies.map((copy) => copy?.reason ?? null),
    ],
  );
  const [row] = rows;
  assert(row !== undefined, 'restoring returned no counts');
  assertNoneKeptOut(row.kept_out);
  const { runs_inserted: runsInserted, legacy_ids: legacyIds } = row;
  return {
    decisions: new Map(
      legacyIds.map((legacyId) => [legacyId, adopted.get(legacyId)?.decision ?? 'projected']),
    ),
    changes: { ...NO_CHANGES, runsInserted, ledgerWritten: legacyIds.length },
  };
}

/** Finds live rows that came since. If the next sweep found them instead, the run would be there twice until then. */
async function matchAgain({ client, matching }: LookUpContext, legacyIds: readonly string[]) {
  // A run that took no part in matching has no fingerprint in the ledger. A live row may be near to it by now.
  await client.query(ENTER_MATCHING, [legacyIds]);
  return await rematch(client, await ledgerSeeds(client, legacyIds), matching);
}
