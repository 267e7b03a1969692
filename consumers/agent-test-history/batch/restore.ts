/**
 * What `undo` took back comes back with the next event of its key, whatever the event is: the decision that was recorded,
 * at its position, with the canonical row that stood for it. So the event meets a row that was decided, and does what it
 * would have done: nothing, where the ledger had it. What was decided is not decided anew by the look-ups of now; only
 * what would show one run twice has the last word: the earlier script's copy, and a live twin.
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
 * Gives what is known, with the keys that came back looked up again. Under the lock of the partition and, where a live
 * twin may have come meanwhile, of the agents.
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

/** Live rows that came since are found now, not by the next sweep: until then the run would be there twice. */
async function matchAgain({ client, matching }: LookUpContext, legacyIds: readonly string[]) {
  // Of what took no part in matching it is not recorded how it looks; the live rows may have reached it by now.
  await client.query(ENTER_MATCHING, [legacyIds]);
  return await rematch(client, await ledgerSeeds(client, legacyIds), matching);
}
