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
/** The number of rows per transaction. The projectors wait while it runs. */
export const DECIDED_AT_ONCE = 500;

export interface DecidedAgain {
  /** The new decisions by legacy id, of rows whose decision has changed. */
  readonly decided: ReadonlyMap<string, Decision>;
  readonly changes: Changes;
}

/**
 * Decides rows again at their recorded positions, with today's rule, look-ups and legacy rows, so that later events
 * still apply. A row that Postgres refuses is parked. A row whose decision is no longer one of `from`, or that is gone
 * from the legacy table, stays as it is.
 */
export async function decideAgain(
  context: PipelineContext & {
    /** The command of the person who asked for it; it goes into the log of actions. */
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
 * Parks a row that Postgres refuses, at the position of its decision. There is no record to store, so a retry reads the
 * row from the legacy table.
 */
async function park(client: Client, events: readonly ImageEvent[], error: unknown): Promise<DecidedAgain> {
  const [event] = events;
  if (event === undefined) throw error;
  const changes = await writeQuarantine(client, [
    { effect: 'quarantine', event: refusedEvent(event, error), recordsDecision: true },
  ]);
  return { decided: new Map([[event.legacyId, 'quarantined']]), changes };
}

/** The agent that a run is decided for now, and the agent of its former decision. */
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

/**
 * The last event of each row, with the row as the legacy table has it now. Rows that are gone from the table are left
 * out.
 */
export async function decidedEvents(
  client: Client,
  which: { readonly legacyIds: readonly string[]; readonly from: readonly Decision[] },
  rows: ReadonlyMap<string, CompleteRow>,
): Promise<ImageEvent[]> {
  const { rows: decided } = await client.query<DecidedRow>(DECIDED_EVENTS, [which.legacyIds, which.from]);
  return eventsAt(decided, rows);
}

/** Turns rows of the legacy table into events at the positions that the ledger has. */
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
