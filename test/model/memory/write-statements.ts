import {
  checkLedger,
  counts,
  rowsOf,
  unnest,
  type Run,
  type Session,
  type Statement,
  textOf,
} from './statement.ts';
import { isOurs, microsOf, profileHash, runFingerprint, type LedgerRow, type RunRow } from './tables.ts';
import { relink } from './relink-statement.ts';

export interface Looked {
  readonly legacyId: string;
  readonly runId: string | null;
  readonly reason: string;
  readonly contextId: string;
  readonly userId: string | null;
  readonly organizationId: string | null;
  readonly originalAgentUrl: string | null;
  readonly agentUrl: string | null;
  readonly lifecycleStage: string | null;
  readonly isMember: boolean | null;
  readonly listsAgent: boolean | null;
  readonly optedOut: boolean | null;
  readonly topicId: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly lsn: bigint | null;
  readonly op: string;
  readonly snapshot: boolean;
  readonly scenario: string | null;
  readonly overallPassed: boolean;
  readonly stepsPassed: number;
  readonly stepsFailed: number;
  readonly durationMs: number | null;
  readonly summary: string | null;
  readonly dryRun: boolean | null;
  readonly profile: string | null;
  readonly startedAt: string;
}

interface Decided extends Looked {
  readonly decision: string;
  readonly ruleVersion: number;
  readonly fingerprint: string | null;
  readonly profileHash: string | null;
  readonly otherwise: string | null;
  readonly ownRunId: string | null;
}

const LOOKED = [
  'contextId', 'userId', 'organizationId', 'originalAgentUrl', 'agentUrl', 'lifecycleStage', 'isMember', 'listsAgent',
  'optedOut', 'topicId', 'partition', 'offset', 'lsn', 'op', 'snapshot',
] as const; // prettier-ignore
const VALUES = ['scenario', 'overallPassed', 'stepsPassed', 'stepsFailed', 'durationMs', 'summary'] as const;
/** What is decided anew at its own position, too. */
export const OPEN = new Set<string>(['third_party', 'anonymous', 'opted_out', 'orphaned']);

const DECIDED = [
  'legacyId', 'decision', 'reason', 'runId', 'ruleVersion', ...LOOKED, ...VALUES, 'dryRun', 'profile', 'startedAt',
  'fingerprint', 'profileHash', 'otherwise', 'ownRunId',
] as const; // prettier-ignore

/** The canonical row that we write for a legacy row. */
function runOf(event: Looked, id: string): RunRow {
  return {
    id,
    agentUrl: event.agentUrl ?? '',
    lifecycleStage: event.lifecycleStage ?? '',
    overallStatus: event.overallPassed ? 'passing' : 'failing',
    headline: event.summary,
    durationMs: event.durationMs,
    testedAtUs: microsOf(event.startedAt),
    tracksPassed: event.stepsPassed,
    tracksFailed: event.stepsFailed,
    profile: event.profile,
    observations: provenance(event),
    dryRun: event.dryRun ?? true,
    organizationId: event.organizationId,
  };
}

function provenance({ legacyId, scenario, userId, organizationId }: Looked): RunRow['observations'] {
  return {
    backfill_source: 'agent_test_history',
    backfill_source_id: legacyId,
    backfill_script: 'history-cdc',
    original_scenario: scenario,
    backfill_user_id: userId,
    backfill_org_id: organizationId,
  };
}

const recordDecisions: Run = async (session, values) => {
  const { tx, tables } = session;
  const events = unnest<Decided>(values, DECIDED);
  let [inserted, updated] = [0, 0];
  for (const event of events) {
    if (event.decision !== 'projected' || event.runId === null) continue;
    await tx.lockRow(tables.runs, event.runId);
    const there = tx.get(tables.runs, event.runId);
    if (there !== undefined && !isOurs(there)) continue;
    tx.put(tables.runs, event.runId, runOf(event, event.runId));
    if (there === undefined) inserted++;
    else updated++;
  }
  for (const event of events) if (event.decision === 'twin') await keep(session, event);
  const written: LedgerRow[] = [];
  for (const event of events) {
    await tx.lockRow(tables.ledger, event.legacyId);
    const there = tx.get(tables.ledger, event.legacyId);
    if (there !== undefined && !(isNewer(event, there, OPEN.has(there.decision)) && there.runId === null))
      continue;
    const row = decidedRow(event);
    tx.put(tables.ledger, event.legacyId, row);
    written.push(row);
  }
  await checkLedger(session, written);
  return counts(inserted, updated, [0, written.length]);
};

function decidedRow(event: Decided): LedgerRow {
  const { legacyId, decision, reason, runId, contextId, userId, organizationId, agentUrl } = event;
  const { isMember, listsAgent, topicId, partition, op, snapshot, fingerprint } = event;
  const offset = Number(event.offset);
  const startedAtUs = microsOf(event.startedAt);
  return {
    ...{
      legacyId,
      decision,
      reason,
      runId,
      contextId,
      userId,
      organizationId,
      agentUrl,
      isMember,
      listsAgent,
    },
    ...{ topicId, partition, offset, op, snapshot, startedAtUs, fingerprint },
    profileHash: event.profileHash,
    isDeleted: false,
  };
}

/** Keeps the row that we would write beside an unsettled twin. */
async function keep({ tx, tables }: Session, event: Decided): Promise<void> {
  const { legacyId, otherwise, ownRunId, startedAt } = event;
  await tx.lockRow(tables.unsettled, legacyId);
  const run = otherwise === 'projected' ? runOf(event, ownRunId ?? '') : null;
  tx.put(tables.unsettled, legacyId, { legacyId, testedAtUs: microsOf(startedAt), run });
}

/** The ledger's own guard of the order of a key; `orEqual` for a stranger's run that is decided anew. */
export function isNewer(
  event: Pick<Looked, 'topicId' | 'partition' | 'offset'>,
  there: LedgerRow,
  orEqual = false,
): boolean {
  if (there.topicId !== event.topicId) return true;
  if (there.partition !== event.partition) return false;
  return there.offset < Number(event.offset) || (orEqual && there.offset === Number(event.offset));
}

interface Later extends Looked {
  readonly applies: boolean;
  readonly follows: boolean;
  readonly summaryLeftOut: boolean;
  readonly profileLeftOut: boolean;
  readonly readable: boolean;
  readonly inWindow: boolean;
}
const LATER = [
  'legacyId', 'runId', 'reason', 'applies', 'follows', ...LOOKED, ...VALUES, 'summaryLeftOut', 'dryRun', 'profile',
  'profileLeftOut', 'startedAt', 'readable', 'inWindow',
] as const; // prettier-ignore

const applyLaterImages: Run = async (session, values) => {
  const { tx, tables } = session;
  let updated = 0;
  const written: LedgerRow[] = [];
  for (const event of unnest<Later>(values, LATER)) {
    const runId = event.runId ?? '';
    const there = tx.get(tables.runs, runId);
    const merged = {
      ...event,
      scenario: event.scenario ?? there?.observations['original_scenario'] ?? null,
      summary: event.summaryLeftOut ? (there?.headline ?? null) : event.summary,
      profile: event.profileLeftOut ? (there?.profile ?? null) : event.profile,
    };
    if (event.applies && there !== undefined) {
      await tx.lockRow(tables.runs, runId);
      const locked = tx.get(tables.runs, runId);
      const next = laterRun(merged, there);
      if (locked !== undefined && JSON.stringify(next) !== JSON.stringify(locked)) {
        tx.put(tables.runs, runId, next);
        updated++;
      }
    }
    const row = tx.get(tables.ledger, event.legacyId);
    if (row === undefined) continue;
    await tx.lockRow(tables.ledger, event.legacyId);
    const entry = tx.get(tables.ledger, event.legacyId);
    if (entry === undefined || !isNewer(event, entry) || entry.runId !== event.runId) continue;
    const after = laterEntry(merged, entry);
    tx.put(tables.ledger, event.legacyId, after);
    written.push(after);
  }
  await checkLedger(session, written);
  return counts(0, updated, [0, written.length]);
};

function laterRun(event: Later, there: RunRow): RunRow {
  const next = runOf(event, there.id);
  if (event.follows) return next;
  const { agentUrl, lifecycleStage, organizationId } = there;
  const observations = { ...there.observations, original_scenario: event.scenario };
  return { ...next, agentUrl, lifecycleStage, organizationId, observations };
}

function laterEntry(event: Later, entry: LedgerRow): LedgerRow {
  const { contextId, userId, organizationId, agentUrl, isMember, listsAgent } = event;
  const { reason, topicId, partition, op, snapshot, applies } = event;
  const overallStatus = event.overallPassed ? 'passing' : 'failing';
  return {
    ...entry,
    ...(event.follows ? { contextId, userId, organizationId, agentUrl, isMember, listsAgent } : {}),
    ...{ reason, topicId, partition, op, snapshot, offset: Number(event.offset) },
    isDeleted: false,
    ...(applies ? { startedAtUs: microsOf(event.startedAt) } : {}),
    ...(applies && (event.inWindow || entry.fingerprint !== null)
      ? {
          fingerprint: runFingerprint({
            headline: event.summary,
            durationMs: event.durationMs,
            overallStatus,
          }),
          profileHash: profileHash(event.profile),
        }
      : {}),
  };
}

export const WRITE_STATEMENTS: readonly Statement[] = [
  { text: textOf('batch/sql/record-decisions.sql'), run: recordDecisions },
  { text: textOf('batch/sql/apply-later-images.sql'), run: applyLaterImages },
  { text: textOf('twins/sql/relink.sql'), run: relink },
  // What `soak` counts its quiet days from: no decision depends on it.
  { text: textOf('batch/sql/legacy-writes.sql'), run: () => Promise.resolve(rowsOf([])) },
];
