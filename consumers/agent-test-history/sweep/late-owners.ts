import { inTransaction, type Client, type Pool } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { applyEffects } from '../apply-effects.ts';
import { NO_CHANGES, addChanges, type Changes } from '../changes.ts';
import { decideImage, type RecordDecision } from '../decide.ts';
import type { CompleteRow, ImageEvent } from '../event.ts';
import { lookUp, lookupKeyOf } from '../lookup.ts';
import { lockAllPartitions } from '../offsets.ts';
import type { Decision } from '../outcome.ts';
import type { PipelineContext } from '../pipeline.ts';
import { emptyResult } from '../result.ts';
import { lockAgents } from '../twins/agent-locks.ts';
import { readLegacyRows } from './legacy-rows.ts';

const LATE_OWNERS = sqlFile(import.meta.url, './sql/late-owners.sql');
const DECIDED_EVENTS = sqlFile(import.meta.url, './sql/decided-events.sql');
const DECIDED_AT_ONCE = 500;

/** Runs that were a stranger's when they were decided, and whose user owns the agent by now. */
export interface LateOwners {
  /** Decided anew, inside the grace window: the new decision by legacy id. */
  readonly flipped: ReadonlyMap<string, Decision>;
  /** Legacy ids of older decisions, which a person has to look at. */
  readonly reported: readonly string[];
  readonly changes: Changes;
}

type LateOwnersContext = PipelineContext & { readonly graceSeconds: number };

/**
 * Memberships come from an identity provider and lag, so a run may be seen before the membership that makes it an
 * owner's. Young decisions are taken again with the same rule; older ones are only reported, because by then a new
 * membership may as well be a new member. The other way round nothing is looked at: an owner decision stands.
 */
export async function flipLateOwners(context: LateOwnersContext): Promise<LateOwners> {
  const { canonical, graceSeconds } = context;
  const owners = await ownersByNow(canonical, graceSeconds);
  const young = owners.filter((owner) => owner.young).map(({ legacy_id }) => legacy_id);
  const flipped = new Map<string, Decision>();
  let changes = NO_CHANGES;
  for (let at = 0; at < young.length; at += DECIDED_AT_ONCE) {
    const again = await decideAgain(context, young.slice(at, at + DECIDED_AT_ONCE));
    for (const [legacyId, decision] of again.flipped) flipped.set(legacyId, decision);
    changes = addChanges(changes, again.changes);
  }
  return {
    flipped,
    reported: owners.filter((owner) => !owner.young).map(({ legacy_id }) => legacy_id),
    changes,
  };
}

interface OwnerByNow {
  readonly legacy_id: string;
  /** Decided inside the grace window. */
  readonly young: boolean;
}

async function ownersByNow(canonical: Pool, graceSeconds: number): Promise<OwnerByNow[]> {
  return await inTransaction(canonical, async (client) => {
    await client.query("SET LOCAL statement_timeout = '15min'");
    // A ledger that grew faster than its statistics passes for empty: every stranger would be held against every context.
    await client.query('SET LOCAL enable_nestloop = off');
    return (await client.query<OwnerByNow>(LATE_OWNERS, [graceSeconds])).rows;
  });
}

/** Takes the decisions anew at the same positions; a later event of a row goes on from there. */
async function decideAgain(
  context: LateOwnersContext,
  legacyIds: readonly string[],
): Promise<{ flipped: ReadonlyMap<string, Decision>; changes: Changes }> {
  const { canonical, legacy, matching, optOutPolicy } = context;
  const rows = await readLegacyRows(legacy, legacyIds);
  return await inTransaction(canonical, async (client) => {
    await lockAllPartitions(client);
    const events = await decidedEvents(client, legacyIds, rows);
    const facts = await lookUp(client, events.map(lookupKeyOf), matching.floorUs());
    const records = events.flatMap((event, index): RecordDecision[] => {
      const known = facts[index];
      const effect = known === undefined ? undefined : decideImage(event, known, optOutPolicy);
      return effect?.effect === 'record' && effect.decision !== 'third_party' ? [effect] : [];
    });
    await lockAgents(client, [
      ...new Set(records.flatMap(({ facts: { context: of } }) => of?.agentUrl ?? [])),
    ]);
    const tally = emptyResult();
    const written = await applyEffects({ client, matching }, records, tally);
    return {
      flipped: new Map(written.map(({ event, decision }) => [event.legacyId, decision])),
      changes: tally.changes,
    };
  });
}

interface DecidedRow {
  readonly legacy_id: string;
  readonly topic_id: string;
  readonly partition: number;
  readonly offset: string;
  readonly lsn: string | null;
  readonly op: ImageEvent['op'];
  readonly snapshot: boolean;
}

/** The last event of each row, with the row as the legacy table has it now; a row that is gone from it has none. */
async function decidedEvents(
  client: Client,
  legacyIds: readonly string[],
  rows: ReadonlyMap<string, CompleteRow>,
): Promise<ImageEvent[]> {
  const { rows: decided } = await client.query<DecidedRow>(DECIDED_EVENTS, [legacyIds]);
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
