/**
 * Everything known about one row, for ever: start reading here.
 *
 *   identify    what the id is                         identify.ts
 *   look up     on what it was decided, and now        look-ups.ts, by the projector's look-up
 *   compare     rows that may be its twin              candidates.ts, compare-twin.ts
 *   decide      what would be decided today            today.ts, by the projector's stages, rolled back
 *   read        its events in the topic                topic-events.ts
 *   conclude    one sentence, and the next step        verdict.ts
 *
 * Nothing is changed. What cannot be had (the topic, a right that the role lacks) is a note, not a failure: whoever asks
 * in trouble gets all that there is.
 */
import { FatalError, messageOf } from '../../lib/errors.ts';
import { inDryRun, type Client, type Pool } from '../../lib/postgres.ts';
import { sqlState } from '../../lib/postgres-errors.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { readLegacyRows } from '../../consumers/agent-test-history/sweep/legacy-rows.ts';
import type { CompleteRow } from '../../consumers/agent-test-history/record/event.ts';
import { epochMicros } from '../../consumers/agent-test-history/record/timestamp.ts';
import { profileHashOf } from '../../consumers/agent-test-history/rule/fingerprint.ts';
import { referencesTo } from '../../consumers/agent-test-history/twins/references.ts';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import { legacyCandidates, liveCandidates, valuesOfRun } from './candidates.ts';
import { identify, legacyIdentity } from './identify.ts';
import { lookUps } from './look-ups.ts';
import { readLedger, readUndone, type Ledger } from './ledger.ts';
import type * as view from './report.ts';
import { decideToday, type TodayContext } from './today.ts';
import { verdictOf } from './verdict.ts';

const CANONICAL_RUN = sqlFile(import.meta.url, './sql/canonical-run.sql');
const LEGACY_ROW = sqlFile(import.meta.url, './sql/legacy-row.sql');
const QUARANTINE_RECORDS = sqlFile(import.meta.url, './sql/quarantine-records.sql');
const CURRENT_TOPIC = 'SELECT topic_id FROM history_cdc.topic ORDER BY generation DESC LIMIT 1';
const NO_TOPIC = '00000000-0000-0000-0000-000000000000';

/** Reads the events of a legacy row; returns a sentence with the reason if they cannot be read. */
export type EventReader = (
  legacyId: string,
  known: { readonly ledger: view.LedgerView | null; readonly quarantine: readonly view.QuarantineRecord[] },
) => Promise<readonly view.TopicEvent[] | string>;

export type ExplainContext = TodayContext & { readonly legacy: Pool };

interface Row {
  readonly shown: view.LegacyRowNow;
  readonly whole: CompleteRow;
}

/** `id` in lower case. */
export async function explain(
  context: ExplainContext,
  id: string,
  readEvents: EventReader,
): Promise<view.Report> {
  const { canonical } = context;
  const notes: string[] = [];
  const named = await runById(canonical, id);
  const own = await rowById(context, id);
  const found = await identify(canonical, id, { run: named, inLegacyTable: own !== null });
  if (!found.hasProjected)
    notes.push('no projector has run here yet: what the earlier script copied is not known');
  const legacyId = found.identity.legacy_id ?? (found.identity.kind === 'unknown' ? id : null);
  const row = own ?? (legacyId === null ? null : await rowById(context, legacyId));
  const ledger = legacyId === null ? null : await readLedger(canonical, legacyId);
  const undone = legacyId === null ? null : await readUndone(canonical, legacyId);
  const run = named ?? (legacyId === null ? null : await standingRun(canonical, legacyId, ledger));
  const looked =
    legacyId === null
      ? null
      : ((await lookUps(canonical, { legacyId, row: row?.shown ?? null, then: ledger?.lookUp ?? null })) ??
        null);
  const quarantine = legacyId === null ? [] : await quarantineOf(canonical, legacyId);
  const events =
    legacyId === null ? null : await readEvents(legacyId, { ledger: ledger?.view ?? null, quarantine });
  if (typeof events === 'string') notes.push(`events: ${events}`);
  const report = {
    id,
    identity: identityOf(found.identity, id, events),
    known: found.identity.kind !== 'unknown' || (Array.isArray(events) && events.length > 0),
    legacy_row: row?.shown ?? null,
    ledger: ledger?.view ?? null,
    undone,
    look_ups: looked,
    canonical_run: run,
    referred_by: run === null ? null : await noted(notes, 'references', () => referenceTo(canonical, run.id)),
    candidates: await candidatesOf(context, { legacyId, row, ledger, run, looked }),
    quarantine,
    today:
      row === null || legacyId === null
        ? null
        : await noted(
            notes,
            'today',
            async () => await today(context, legacyId, { row, newest: ledger?.view ?? undone }),
          ),
    events: typeof events === 'string' ? null : events,
    notes,
  };
  return { ...report, verdict: verdictOf(report) };
}

/** An id that only the topic knows is a legacy id. */
function identityOf(
  identity: view.Identity,
  id: string,
  events: readonly unknown[] | string | null,
): view.Identity {
  const inTopic = typeof events !== 'string' && events !== null && events.length > 0;
  return identity.kind === 'unknown' && inTopic ? legacyIdentity(id) : identity;
}

async function runById(client: Client, id: string): Promise<view.CanonicalRun | null> {
  return (await client.query<view.CanonicalRun>(CANONICAL_RUN, [id])).rows[0] ?? null;
}

/** The canonical row that the ledger links, otherwise the one that we would have written. */
async function standingRun(
  client: Client,
  legacyId: string,
  ledger: Ledger | null,
): Promise<view.CanonicalRun | null> {
  return await runById(client, ledger?.view.canonical_run_id ?? canonicalRunId(legacyId));
}

async function rowById({ legacy }: ExplainContext, id: string): Promise<Row | null> {
  const { rows } = await legacy.query<view.LegacyRowNow>(LEGACY_ROW, [id]);
  const whole = (await readLegacyRows(legacy, [id])).get(id);
  const [shown] = rows;
  return shown === undefined || whole === undefined ? null : { shown, whole };
}

async function quarantineOf(client: Client, legacyId: string): Promise<view.QuarantineRecord[]> {
  return (await client.query<view.QuarantineRecord>(QUARANTINE_RECORDS, [legacyId])).rows;
}

/**
 * Rolled back at once, because the look takes a lock on the row, so that nobody begins to refer to it in the meantime.
 */
async function referenceTo(canonical: Pool, runId: string): Promise<string | null> {
  const references = await inDryRun(canonical, async (client) => await referencesTo(client, [runId]));
  return references.get(runId) ?? null;
}

/** The newest event of the row that was applied. */
type Newest = Pick<view.LedgerView, 'topic_id' | 'partition' | 'offset'>;

async function today(
  context: TodayContext,
  legacyId: string,
  { row, newest }: { readonly row: Row; readonly newest: Newest | null },
): Promise<view.Today> {
  const { rows } = await context.canonical.query<{ topic_id: string }>(CURRENT_TOPIC);
  const position =
    newest === null
      ? { topicId: rows[0]?.topic_id ?? NO_TOPIC, partition: 0, offset: 0n }
      : { topicId: newest.topic_id, partition: newest.partition, offset: BigInt(newest.offset) + 1n };
  return await decideToday(context, { legacyId, row: row.whole, position });
}

interface Compared {
  readonly legacyId: string | null;
  readonly row: Row | null;
  readonly ledger: Ledger | null;
  readonly run: view.CanonicalRun | null;
  readonly looked: view.LookUps | null;
}

async function candidatesOf(
  context: ExplainContext,
  { legacyId, row, ledger, run, looked }: Compared,
): Promise<view.CandidateTwin[]> {
  const { canonical, matching } = context;
  if (legacyId === null)
    return run?.whose === 'live' ? await legacyCandidates(context, run, matching.windowUs) : [];
  const agentUrl = looked?.now.agent_url ?? ledger?.lookUp?.agent_url ?? null;
  const startedAt = row?.whole.startedAt ?? ledger?.view.started_at ?? null;
  const startedAtUs = startedAt === null ? undefined : epochMicros(startedAt);
  if (agentUrl === null || startedAt === null || startedAtUs === undefined) return [];
  // If the legacy row is gone, our canonical row still has its values.
  const image = run?.whose === 'ours' ? run : null;
  const legacy = {
    legacyId,
    startedAtUs,
    organizationId: looked?.now.organization_id ?? ledger?.lookUp?.organization_id ?? '',
    fingerprint: ledger?.view.fingerprint ?? null,
    profileHash:
      row === null
        ? ((image ?? ledger?.view)?.profile_hash ?? null)
        : profileHashOf(row.whole.agentProfileJson),
    values:
      row !== null
        ? {
            headline: row.whole.summary,
            totalDurationMs: row.whole.totalDurationMs,
            passing: row.whole.overallPassed,
          }
        : image === null
          ? null
          : valuesOfRun(image),
  };
  return await liveCandidates(canonical, { agentUrl, startedAt }, { legacy, windowUs: matching.windowUs });
}

const MAY_NOT = new Set(['42501', '25006', '55P03', '57014', '40P01']);

/**
 * Runs a look-up. If the role lacks the right, or another session holds a lock for too long, adds a note and returns
 * null.
 */
async function noted<T>(notes: string[], what: string, work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof FatalError || !MAY_NOT.has(sqlState(error) ?? '')) throw error;
    notes.push(`${what}: could not be read (${messageOf(error)})`);
    return null;
  }
}
