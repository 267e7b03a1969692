import assert from 'node:assert/strict';
import { PlainArray, textArray } from '../../../lib/array-parameter.ts';
import type { Client } from '../../../lib/postgres.ts';
import { sqlFile } from '../../../lib/sql-file.ts';
import { UNAVAILABLE, type KeyedEvent, type Unavailable } from '../record/event.ts';
import type { Decision } from '../rule/outcome.ts';
import type { Context, LedgerEntry, RowFacts, Undone } from '../rule/row-facts.ts';
import { epochMicros } from '../record/timestamp.ts';

const LOOKUP = sqlFile(import.meta.url, './sql/lookup.sql');

interface LookupRow {
  readonly decision: Decision | null;
  readonly reason: string;
  readonly canonical_run_id: string | null;
  readonly topic_id: string;
  readonly partition: number;
  readonly offset: string;
  readonly decided_context_id: string | null;
  readonly decided_user_id: string | null;
  readonly decided_agent_url: string | null;
  readonly decided_started_at: string | null;
  readonly source_deleted: boolean;
  readonly decided_seconds_ago: number;
  /** For an unsettled twin: true if our own row is kept beside it. */
  readonly unsettled_has_run: boolean | null;
  readonly user_id: string | null;
  readonly run_exists: boolean;
  readonly context_known: boolean;
  readonly organization_id: string;
  readonly original_agent_url: string;
  readonly agent_url: string | null;
  readonly is_member: boolean;
  readonly lists_agent: boolean;
  readonly opted_out: boolean;
  readonly lifecycle_stage: string;
  readonly script_copies: string[];
  readonly has_open_quarantine: boolean;
  readonly awaits_key_change: boolean;
  readonly is_undone: boolean;
  readonly undone_agent_url: string | null;
  /** Null if the run took no part in matching. */
  readonly undone_fingerprint: string | null;
  readonly undone_started_at: string | null;
}

/** The part of an event that is looked up. */
export interface LookupKey {
  readonly legacyId: string;
  /** Null for a delete, and if the event cannot be used. */
  readonly agentContextId: string | null;
  /** `UNAVAILABLE`: the user in the ledger is used instead. */
  readonly userId: string | null | Unavailable;
  readonly startedAt: string | undefined;
}

export function lookupKeyOf(event: KeyedEvent & { readonly legacyId: string }): LookupKey {
  const row = event.kind === 'image' ? event.row : undefined;
  return {
    legacyId: event.legacyId,
    agentContextId: row?.agentContextId ?? null,
    userId: row?.userId ?? null,
    startedAt: row?.startedAt,
  };
}

/** One answer per key, in the order of the keys. `floorUs`: rows that started before it have no live twin. */
export async function lookUp(
  client: Client,
  keys: readonly LookupKey[],
  floorUs: bigint,
): Promise<RowFacts[]> {
  const { rows: found } = await client.query<LookupRow>(LOOKUP, [
    new PlainArray(keys.map(({ legacyId }) => legacyId)),
    new PlainArray(keys.map(({ agentContextId }) => agentContextId)),
    textArray(keys.map(({ userId }) => (userId === UNAVAILABLE ? null : userId))),
    new PlainArray(keys.map(({ userId }) => userId === UNAVAILABLE)),
  ]);
  // With one answer too many or too few, every later row would be judged by the facts of another row.
  assert(found.length === keys.length, 'the look-up did not answer once for each row');
  const floor = floorOf(floorUs);
  return found.map((row, index) => factsOf(row, floor, startsSince(keys[index]?.startedAt, floor)));
}

/** The keys whose runs started late enough to have a live twin. */
export function keysInWindow(keys: readonly LookupKey[], floorUs: bigint): LookupKey[] {
  const floor = floorOf(floorUs);
  return keys.filter(({ startedAt }) => startsSince(startedAt, floor));
}

/** The first live row, less the match window: in microseconds, and as a day. */
interface Floor {
  readonly us: bigint;
  readonly day: string;
}

function floorOf(us: bigint): Floor {
  return { us, day: dayOf(us) };
}

/** `YYYY-MM-DD`: times on earlier days are before the floor. Empty if the floor cannot be written this way. */
function dayOf(us: bigint): string {
  const date = new Date(Number(us / 1000n));
  return Number.isNaN(date.getTime()) ? '' : (/^\d{4}-\d{2}-\d{2}(?=T)/.exec(date.toISOString())?.[0] ?? '');
}

/** For texts of this form, alphabetical order is the order in time. All others are parsed. */
const IN_UTC = /^\d{4}-.*(?:Z|\+00)$/;

function startsSince(startedAt: string | undefined, floor: Floor): boolean {
  // Nearly all of history ends here, so that its time is never parsed.
  if (startedAt === undefined || (IN_UTC.test(startedAt) && startedAt < floor.day)) return false;
  const startedAtUs = epochMicros(startedAt);
  return startedAtUs !== undefined && startedAtUs >= floor.us;
}

function factsOf(row: LookupRow, floor: Floor, inWindow: boolean): RowFacts {
  return {
    entry: row.decision === null ? null : entryOf(row, row.decision),
    undone: row.decision === null && row.is_undone ? undoneOf(row, floor) : null,
    runExists: row.run_exists,
    userId: row.user_id,
    context: row.context_known ? contextOf(row) : null,
    scriptCopies: row.script_copies,
    hasOpenQuarantine: row.has_open_quarantine,
    awaitsKeyChange: row.awaits_key_change,
    inWindow,
  };
}

function entryOf(row: LookupRow, decision: Decision): LedgerEntry {
  return {
    decision,
    reason: row.reason,
    canonicalRunId: row.canonical_run_id,
    position: { topicId: row.topic_id, partition: row.partition, offset: BigInt(row.offset) },
    agentContextId: row.decided_context_id,
    userId: row.decided_user_id,
    agentUrl: row.decided_agent_url,
    startedAt: row.decided_started_at,
    sourceDeleted: row.source_deleted,
    decidedSecondsAgo: row.decided_seconds_ago,
    unsettled: row.unsettled_has_run === null ? null : { hasRun: row.unsettled_has_run },
  };
}

function undoneOf(row: LookupRow, floor: Floor): Undone {
  const inWindow = startsSince(row.undone_started_at ?? undefined, floor);
  return { agentUrl: row.undone_agent_url, mayMatch: inWindow || row.undone_fingerprint !== null };
}

function contextOf(row: LookupRow): Context {
  return {
    organizationId: row.organization_id,
    originalAgentUrl: row.original_agent_url,
    agentUrl: row.agent_url,
    isMember: row.is_member,
    listsAgent: row.lists_agent,
    optedOut: row.opted_out,
    lifecycleStage: row.lifecycle_stage,
  };
}
