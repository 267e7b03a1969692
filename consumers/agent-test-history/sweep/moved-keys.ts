import assert from 'node:assert/strict';
import { inTransaction, type Client } from '../../../lib/postgres.ts';
import { isRowFault } from '../../../lib/postgres-errors.ts';
import { sqlFile } from '../../../lib/sql-file.ts';
import { applyEffects } from '../batch/apply-effects.ts';
import { addChanges, NO_CHANGES, type Changes } from '../rule/changes.ts';
import { decideImage, type Effect } from '../rule/decide.ts';
import type { CompleteRow } from '../record/event.ts';
import { lookUp, lookupKeyOf } from '../lookup/lookup.ts';
import { lockAllPartitions } from '../batch/offsets.ts';
import type { PipelineContext } from '../pipeline.ts';
import { emptyResult } from '../batch/result.ts';
import { lockAgents } from '../twins/agent-locks.ts';
import { eventsAt, type DecidedRow } from './decide-again.ts';
import { readLegacyRows } from './legacy-rows.ts';

const CHANGED_KEYS = sqlFile(import.meta.url, './sql/changed-keys.sql');
const MOVE_KEY = sqlFile(import.meta.url, './sql/move-key.sql');
const PARKED_POSITION = sqlFile(import.meta.url, './sql/parked-position.sql');

interface Pair {
  readonly old_id: string;
  readonly new_id: string;
}

export interface MovedKeys {
  /** The new keys of the moved runs. */
  readonly moved: readonly string[];
  readonly changes: Changes;
}

/**
 * Moves runs to the new keys of their rows, once both halves of the change have been read, and decides the new keys by
 * the rows in the legacy table. Each move is one transaction that stops all partitions, because the two keys may belong
 * to two projectors. Doubtful cases stay parked for a person: the new key already has a canonical row, or a key is used
 * again.
 */
export async function moveKeys(context: PipelineContext): Promise<MovedKeys> {
  const moved: string[] = [];
  let changes = NO_CHANGES;
  const refused = new Set<string>();
  // A row whose key was changed twice is moved twice. The second change is found after the first move.
  for (;;) {
    const { rows } = await context.canonical.query<Pair>(CHANGED_KEYS);
    const pairs = rows.filter(({ new_id }) => !refused.has(new_id));
    if (pairs.length === 0) return { moved, changes };
    const legacyRows = await readLegacyRows(
      context.legacy,
      pairs.map(({ new_id }) => new_id),
    );
    for (const pair of pairs) {
      try {
        changes = addChanges(changes, await move(context, pair, legacyRows));
        moved.push(pair.new_id);
      } catch (error) {
        // Postgres refuses this row, so both keys stay as they are and the record stays parked.
        if (!isRowFault(error)) throw error;
        refused.add(pair.new_id);
      }
    }
  }
}

async function move(
  context: PipelineContext,
  { old_id, new_id }: Pair,
  legacyRows: ReadonlyMap<string, CompleteRow>,
): Promise<Changes> {
  const { canonical, matching, optOutPolicy } = context;
  return await inTransaction(canonical, async (client) => {
    await lockAllPartitions(client);
    const { rows: still } = await client.query<Pair>(CHANGED_KEYS);
    if (!still.some((pair) => pair.old_id === old_id && pair.new_id === new_id)) return NO_CHANGES;
    const { rows } = await client.query<{ ledger_written: number; runs_updated: number }>(MOVE_KEY, [
      old_id,
      new_id,
    ]);
    const [counts] = rows;
    assert(counts !== undefined, 'moving a key returned no counts');
    const written = { ...NO_CHANGES, ledgerWritten: counts.ledger_written, runsUpdated: counts.runs_updated };
    const effects = legacyRows.has(new_id) ? await effectsOf(client, { new_id, legacyRows }, context) : [];
    await lockAgents(client, [...new Set(effects.flatMap(agentsOf))]);
    const tally = emptyResult();
    await applyEffects({ client, matching }, effects, tally);
    return addChanges(written, tally.changes);
  });

  async function effectsOf(
    client: Client,
    which: { readonly new_id: string; readonly legacyRows: ReadonlyMap<string, CompleteRow> },
    { matching: { floorUs } }: PipelineContext,
  ): Promise<Effect[]> {
    const { rows } = await client.query<DecidedRow>(PARKED_POSITION, [which.new_id]);
    const events = eventsAt(rows, which.legacyRows);
    const facts = await lookUp(client, events.map(lookupKeyOf), floorUs());
    return events.flatMap((event, index) => {
      const known = facts[index];
      return known === undefined ? [] : (decideImage(event, known, optOutPolicy) ?? []);
    });
  }
}

/** The agent that a run is decided for now, and the agent of its former decision. */
function agentsOf(effect: Effect): string[] {
  if (effect.effect !== 'record' && effect.effect !== 'later_image') return [];
  const { context, entry } = effect.facts;
  return [context?.agentUrl, entry?.agentUrl].filter((agentUrl) => typeof agentUrl === 'string');
}
