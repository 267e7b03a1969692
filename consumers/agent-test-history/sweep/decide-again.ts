import { inTransaction, type Client } from '../../../lib/postgres.ts';
import { sqlFile } from '../../../lib/sql-file.ts';
import { recordAction } from '../batch/actions.ts';
import { applyEffects } from '../batch/apply-effects.ts';
import { addChanges, NO_CHANGES, type Changes } from '../rule/changes.ts';
import { decideImage, type RecordDecision } from '../rule/decide.ts';
import { refusedEvent, type CompleteRow, type ImageEvent } from '../record/event.ts';
import { lookUp, lookupKeyOf } from '../lookup/lookup.ts';
import { lockAllPartitions } from '../batch/offsets.ts';
import { LATE_OWNER, type Decision, type OpenDecision } from '../rule/outcome.ts';
import type { PipelineContext } from '../pipeline.ts';
import { emptyResult } from '../batch/result.ts';
import { rowByRow } from '../batch/row-by-row.ts';
import { lockAgents } from '../twins/agent-locks.ts';
import { writeQuarantine } from '../batch/write.ts';
import { readLegacyRows } from './legacy-rows.ts';

const DECIDED_EVENTS = sqlFile(import.meta.url, './sql/decided-events.sql');
/** Rows that one transaction decides anew: the projectors wait for it. */
export const DECIDED_AT_ONCE = 500;

export interface DecidedAgain {
  /** The new decision by legacy id, of those that have another one now. */
  readonly decided: ReadonlyMap<string, Decision>;
  readonly changes: Changes;
}

/**
 * Takes decisions anew at the same positions, with the rule, the look-ups and the legacy rows as they are now; a later
 * event of a row goes on from there. A row that Postgres refuses is parked. Rows that are not decided as one of `from` any more, or that are gone, are left.
 */
export async function decideAgain(
  context: PipelineContext & {
    /** The command by which a person asked for it; it goes into the log of actions. */
    readonly command?: string;
  },
  legacyIds: readonly string[],
  from: readonly OpenDecision[],
): Promise<DecidedAgain> {
  const { canonical, legacy, command } = context;
  const rows = await readLegacyRows(legacy, legacyIds);
  return await inTransaction(canonical, async (client) => {
    await lockAllPartitions(client);
    const done = await rowByRow(client, legacyIds, {
      work: (ids) => decideRows({ ...context, client }, { legacyIds: ids, from }, rows),
      refused: async (id, error) =>
        park(client, await decidedEvents(client, { legacyIds: [id], from }, rows), error),
    });
    const decided = new Map(done.flatMap((part) => [...part.decided]));
    if (command !== undefined && decided.size > 0)
      await recordAction(client, { command, counts: { decided: decided.size } });
    return { decided, changes: done.map(({ changes }) => changes).reduce(addChanges, NO_CHANGES) };
  });
}

interface Which {
  readonly legacyIds: readonly string[];
  readonly from: readonly OpenDecision[];
}

async function decideRows(
  { client, matching, optOutPolicy }: PipelineContext & { readonly client: Client },
  which: Which,
  rows: ReadonlyMap<string, CompleteRow>,
): Promise<DecidedAgain> {
  const events = await decidedEvents(client, which, rows);
  const facts = await lookUp(client, events.map(lookupKeyOf), matching.floorUs());
  const records = events.flatMap((event, index): RecordDecision[] => {
    const known = facts[index];
    const effect = known === undefined ? undefined : decideImage(event, known, optOutPolicy);
    if (effect?.effect !== 'record' || effect.decision === known?.entry?.decision) return [];
    const isLate = effect.decision === 'projected' && known?.entry?.decision === 'third_party';
    return [isLate ? { ...effect, reason: LATE_OWNER } : effect];
  });
  await lockAgents(client, [...new Set(records.flatMap(agentsOf))]);
  const tally = emptyResult();
  const written = await applyEffects({ client, matching }, records, tally);
  return {
    decided: new Map(written.map(({ event, decision }) => [event.legacyId, decision])),
    changes: tally.changes,
  };
}

/**
 * Parks a row that Postgres refuses, at the position where it was decided. There is no record at hand, so it is parked
 * without one: a retry reads the row from the legacy table.
 */
async function park(client: Client, events: readonly ImageEvent[], error: unknown): Promise<DecidedAgain> {
  const [event] = events;
  if (event === undefined) throw error;
  const changes = await writeQuarantine(client, [
    { effect: 'quarantine', event: refusedEvent(event, error), recordsDecision: true },
  ]);
  return { decided: new Map([[event.legacyId, 'quarantined']]), changes };
}

/** The agent that a run is decided for, and the one that it was decided for. */
function agentsOf({ facts: { context, entry } }: RecordDecision): string[] {
  return [context?.agentUrl, entry?.agentUrl].filter((agentUrl) => typeof agentUrl === 'string');
}

/** A row of the ledger, at its position. */
export interface DecidedRow {
  readonly legacy_id: string;
  readonly topic_id: string;
  readonly partition: number;
  readonly offset: string;
  readonly lsn: string | null;
  readonly op: ImageEvent['op'];
  readonly snapshot: boolean;
}

/** The last event of each row, with the row as the legacy table has it now; a row that is gone from it has none. */
export async function decidedEvents(
  client: Client,
  which: { readonly legacyIds: readonly string[]; readonly from: readonly Decision[] },
  rows: ReadonlyMap<string, CompleteRow>,
): Promise<ImageEvent[]> {
  const { rows: decided } = await client.query<DecidedRow>(DECIDED_EVENTS, [which.legacyIds, which.from]);
  return eventsAt(decided, rows);
}

/** Rows of the legacy table as events at positions of the ledger. */
export function eventsAt(
  decided: readonly DecidedRow[],
  rows: ReadonlyMap<string, CompleteRow>,
): ImageEvent[] {
  return decided.flatMap(({ legacy_id, topic_id, partition, offset, lsn, op, snapshot }) => {
    const row = rows.get(legacy_id);
    if (row === undefined) return [];
    return [
      {
        kind: 'image' as const,
        op,
        position: { topicId: topic_id, partition, offset: BigInt(offset) },
        legacyId: legacy_id,
        lsn: lsn === null ? null : BigInt(lsn),
        snapshot,
        record: { offset: BigInt(offset), key: null, value: null },
        committedAtMs: null,
        row,
      },
    ];
  });
}
