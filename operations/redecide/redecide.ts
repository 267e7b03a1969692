/**
 * Lists the rows that would be decided otherwise today, and why. The projector's own look-up and rule judge each row of
 * the ledger again. Reading holds no lock. With `--apply`, decisions go through the projector's own stages at the row's
 * recorded position. An owner decision is only reported, because it is never taken back.
 */
import assert from 'node:assert/strict';
import { inTransaction } from '../../lib/postgres.ts';
import { addChanges, NO_CHANGES, type Changes } from '../../consumers/agent-test-history/rule/changes.ts';
import { MOVED_AWAY } from '../../consumers/agent-test-history/rule/decide.ts';
import { lookUp, type LookupKey } from '../../consumers/agent-test-history/lookup/lookup.ts';
import type { RowFacts } from '../../consumers/agent-test-history/rule/row-facts.ts';
import {
  isOwnerDecision,
  type Decision,
  type OpenDecision,
} from '../../consumers/agent-test-history/rule/outcome.ts';
import type { PipelineContext } from '../../consumers/agent-test-history/pipeline.ts';
import { decideAgain, DECIDED_AT_ONCE } from '../../consumers/agent-test-history/sweep/decide-again.ts';
import { readLegacyRows } from '../../consumers/agent-test-history/sweep/legacy-rows.ts';
import { countDecidedRows, decidedRows, type DecidedRow } from './decided-rows.ts';
import { judge, judgeMoved, type Change } from './judge.ts';

/** Decisions without a canonical row, from a whole image. A later event would decide these rows again, too. */
const OPEN: readonly OpenDecision[] = ['third_party', 'anonymous', 'opted_out', 'orphaned'];
const CHUNK_ROWS = 5_000;

export interface RedecideContext extends PipelineContext {
  readonly graceSeconds: number;
  readonly apply: boolean;
  readonly progress: (done: number, total: number) => void;
  /** The number of rows that are looked up at once. */
  readonly chunkRows?: number;
}

export interface RedecideResult {
  readonly lookedUp: number;
  /** Every row that would be decided otherwise, and every owner's run that was moved away. */
  readonly changes: readonly Change[];
  /** The new decisions by legacy id; empty in a dry run. */
  readonly applied: ReadonlyMap<string, Decision>;
  readonly written: Changes;
}

export async function redecide(context: RedecideContext): Promise<RedecideResult> {
  const { canonical, graceSeconds, apply, progress, chunkRows = CHUNK_ROWS } = context;
  const total = await inTransaction(canonical, countDecidedRows);
  const changes: Change[] = [];
  const applied = new Map<string, Decision>();
  let [lookedUp, written] = [0, NO_CHANGES];
  for (let after: string | null = null; ;) {
    const rows = await decidedRows(canonical, { after, rows: chunkRows, graceSeconds });
    const last = rows.at(-1);
    if (last === undefined) break;
    const found = await changesOf(context, rows);
    changes.push(...found);
    if (apply) {
      const again = await applyOpen(context, found);
      for (const [legacyId, decision] of again.decided) applied.set(legacyId, decision);
      written = addChanges(written, again.changes);
    }
    after = last.legacy_id;
    lookedUp += rows.length;
    progress(lookedUp, total);
  }
  return { lookedUp, changes, applied, written };
}

async function changesOf(context: RedecideContext, rows: readonly DecidedRow[]): Promise<Change[]> {
  const { optOutPolicy } = context;
  const isMoved = ({ decision, reason }: DecidedRow) => isOwnerDecision(decision) && reason === MOVED_AWAY;
  const still = rows.filter((row) => !isMoved(row));
  const facts = await factsOf(
    context,
    still.map((row) => ({ ...keyOf(row), agentContextId: row.agent_context_id, userId: row.user_id })),
  );
  const changes = still.flatMap((row, index) => judge(row, at(facts, index), optOutPolicy) ?? []);
  return [...changes, ...(await movedOf(context, rows.filter(isMoved)))].sort((a, b) =>
    a.legacyId < b.legacyId ? -1 : 1,
  );
}

/** The ledger keeps the context of the decision; only the legacy table has the present context. */
async function movedOf(context: RedecideContext, moved: readonly DecidedRow[]): Promise<Change[]> {
  const images = await readLegacyRows(
    context.legacy,
    moved.map(({ legacy_id }) => legacy_id),
  );
  const there = moved.filter(({ legacy_id }) => images.has(legacy_id));
  const facts = await factsOf(
    context,
    there.map((row) => {
      const image = images.get(row.legacy_id);
      const { agentContextId = null, userId = null } = image ?? {};
      return { ...keyOf(row), agentContextId, userId };
    }),
  );
  return there.map((row, index) => judgeMoved(row, at(facts, index), context.optOutPolicy));
}

function keyOf({ legacy_id: legacyId }: DecidedRow): Pick<LookupKey, 'legacyId' | 'startedAt'> {
  return { legacyId, startedAt: undefined };
}

async function factsOf(context: RedecideContext, keys: readonly LookupKey[]): Promise<RowFacts[]> {
  if (keys.length === 0) return [];
  return await lookUp(context.canonical, keys, context.matching.floorUs());
}

function at(facts: readonly RowFacts[], index: number): RowFacts {
  const found = facts[index];
  assert(found !== undefined, 'a row was not looked up');
  return found;
}

async function applyOpen(
  context: RedecideContext,
  changes: readonly Change[],
): Promise<{ decided: ReadonlyMap<string, Decision>; changes: Changes }> {
  const ids = changes.flatMap(({ legacyId, standing }) => (standing === 'open' ? [legacyId] : []));
  const decided = new Map<string, Decision>();
  let written = NO_CHANGES;
  for (let first = 0; first < ids.length; first += DECIDED_AT_ONCE) {
    const part = ids.slice(first, first + DECIDED_AT_ONCE);
    const again = await decideAgain({ ...context, command: 'redecide --apply' }, part, OPEN);
    for (const [legacyId, decision] of again.decided) decided.set(legacyId, decision);
    written = addChanges(written, again.changes);
  }
  return { decided, changes: written };
}
