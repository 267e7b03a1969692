import { inTransaction, type Client, type Pool } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { applyEffects } from '../apply-effects.ts';
import { NO_CHANGES, addChanges, type Changes } from '../changes.ts';
import { isOwner } from '../classify.ts';
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
/** Most of who is a member by now was one before, of an organisation that does not list the agent: many are looked at, and few decided. */
const LOOKED_AT_ONCE = 10_000;
const DECIDED_AT_ONCE = 500;

/** Runs that were a stranger's when they were decided, and whose user owns the agent by now. */
export interface LateOwners {
  /** Decided anew, inside the grace window: the new decision by legacy id. */
  readonly flipped: ReadonlyMap<string, Decision>;
  /** Legacy ids of older decisions, which a person has to look at. */
  readonly reported: readonly string[];
  readonly changes: Changes;
}

interface Suspect {
  readonly legacy_id: string;
  readonly agent_context_id: string;
  readonly user_id: string;
  readonly young: boolean;
}

type LateOwnersContext = PipelineContext & { readonly graceSeconds: number };

/**
 * Memberships come from an identity provider and lag, so a run may be seen before the membership that makes it an
 * owner's. Young decisions are taken again with the same rule; older ones are only reported, because by then a new
 * membership may as well be a new member. The other way round nothing is looked at: an owner decision stands.
 */
export async function flipLateOwners(context: LateOwnersContext): Promise<LateOwners> {
  const { canonical, graceSeconds } = context;
  const { rows } = await inTransaction(canonical, async (client) => {
    await client.query("SET LOCAL statement_timeout = '15min'");
    return await client.query<Suspect>(LATE_OWNERS, [graceSeconds]);
  });
  const flipped = new Map<string, Decision>();
  const reported: string[] = [];
  let changes = NO_CHANGES;
  const young: string[] = [];
  for (const some of inParts(rows, LOOKED_AT_ONCE)) {
    const owners = await ownersAmong(canonical, some);
    for (const { young: isYoung, legacy_id } of owners) (isYoung ? young : reported).push(legacy_id);
  }
  for (const some of inParts(young, DECIDED_AT_ONCE)) {
    const again = await decideAgain(context, some);
    for (const [legacyId, decision] of again.flipped) flipped.set(legacyId, decision);
    changes = addChanges(changes, again.changes);
  }
  return { flipped, reported, changes };
}

function inParts<T>(all: readonly T[], size: number): (readonly T[])[] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, index) =>
    all.slice(index * size, (index + 1) * size),
  );
}

/** By the ownership rule itself: a membership alone makes no owner. */
async function ownersAmong(canonical: Pool, suspects: readonly Suspect[]): Promise<Suspect[]> {
  const rows = suspects.map(({ legacy_id, agent_context_id, user_id }) => ({
    legacyId: legacy_id,
    agentContextId: agent_context_id,
    userId: user_id,
    startedAt: undefined,
  }));
  const facts = await lookUp(canonical, rows, 0n);
  return suspects.filter((_, index) => {
    const known = facts[index];
    return known !== undefined && isOwner(known);
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
