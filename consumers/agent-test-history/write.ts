import assert from 'node:assert/strict';
import type { Client } from '../lib/postgres.ts';
import { sqlFile } from '../lib/sql-file.ts';
import { textArray } from '../lib/text-array.ts';
import { canonicalRunId } from './canonical-run-id.ts';
import { NO_CHANGES, type Changes } from './changes.ts';
import { UNAVAILABLE } from './event.ts';
import type { LaterImage, MarkDeleted, Quarantine, RecordDecision } from './decide.ts';
import { RULE_VERSION } from './outcome.ts';

const RECORD_DECISIONS = sqlFile(import.meta.url, './sql/record-decisions.sql');
const APPLY_LATER_IMAGES = sqlFile(import.meta.url, './sql/apply-later-images.sql');
const QUARANTINE = sqlFile(import.meta.url, './sql/quarantine.sql');
const HEAL = sqlFile(import.meta.url, './sql/heal-quarantine.sql');
const MARK_DELETED = sqlFile(import.meta.url, './sql/mark-deleted.sql');

interface Statement<T> {
  readonly text: string;
  /** One a parameter: the statement takes its rows as parallel arrays. */
  readonly columns: readonly Column<T>[];
}

/** `large` is text of some size: it goes to Postgres as it is, without escaping. */
type Column<T> = ((effect: T) => unknown) | { readonly large: (effect: T) => string | null };

type Imaged = RecordDecision | LaterImage;

const lookedUp: Statement<Imaged>['columns'] = [
  ({ event }) => event.row.agentContextId,
  ({ facts }) => facts.userId,
  ({ facts }) => facts.context?.organizationId ?? null,
  ({ facts }) => facts.context?.originalAgentUrl ?? null,
  ({ facts }) => facts.context?.agentUrl ?? null,
  ({ facts }) => facts.context?.lifecycleStage ?? null,
  ({ facts }) => facts.context?.isMember ?? null,
  ({ facts }) => facts.context?.listsAgent ?? null,
  ({ facts }) => facts.context?.optedOut ?? null,
];

const positioned: Statement<Imaged>['columns'] = [
  ({ event }) => event.position.topicId,
  ({ event }) => event.position.partition,
  ({ event }) => event.position.offset,
  ({ event }) => event.lsn,
  ({ event }) => event.op,
  ({ event }) => event.snapshot,
];

const recordDecisions: Statement<RecordDecision> = {
  text: RECORD_DECISIONS,
  columns: [
    ({ event }) => event.legacyId,
    ({ decision }) => decision,
    ({ reason }) => reason,
    (effect) => effect.canonicalRunId,
    () => RULE_VERSION,
    ...lookedUp,
    ...positioned,
    ({ event }) => event.row.scenario,
    ({ event }) => event.row.overallPassed,
    ({ event }) => event.row.stepsPassed,
    ({ event }) => event.row.stepsFailed,
    ({ event }) => event.row.totalDurationMs,
    ({ event }) => event.row.summary,
    ({ event }) => event.row.dryRun,
    { large: ({ event }) => event.row.agentProfileJson },
    ({ event }) => event.row.startedAt,
    ({ run }) => run?.fingerprint ?? null,
    ({ run }) => run?.profileHash ?? null,
    ({ run, decision }) => (decision === 'twin' ? (run?.otherwise ?? null) : null),
    ({ event, decision }) => (decision === 'twin' ? canonicalRunId(event.legacyId) : null),
    { large: ({ event }) => event.row.storyboards },
  ],
};

const applyLaterImages: Statement<LaterImage> = {
  text: APPLY_LATER_IMAGES,
  columns: [
    ({ event }) => event.legacyId,
    (effect) => effect.canonicalRunId,
    ({ reason }) => reason,
    ({ applies }) => applies,
    ({ follows }) => follows,
    ...lookedUp,
    ...positioned,
    ({ event }) => present(event.row.scenario),
    ({ event }) => event.row.overallPassed,
    ({ event }) => event.row.stepsPassed,
    ({ event }) => event.row.stepsFailed,
    ({ event }) => event.row.totalDurationMs,
    ({ event }) => present(event.row.summary),
    ({ event }) => event.row.summary === UNAVAILABLE,
    ({ event }) => event.row.dryRun,
    { large: ({ event }) => present(event.row.agentProfileJson) },
    ({ event }) => event.row.agentProfileJson === UNAVAILABLE,
    ({ event }) => event.row.startedAt,
    ({ readable }) => readable,
    ({ facts }) => facts.inWindow,
    { large: ({ event }) => present(event.row.storyboards) },
    ({ event }) => event.row.storyboards === UNAVAILABLE,
  ],
};

const markDeleted: Statement<MarkDeleted> = {
  text: MARK_DELETED,
  columns: [
    ({ event }) => event.legacyId,
    ({ event }) => event.position.topicId,
    ({ event }) => event.position.partition,
    ({ event }) => event.position.offset,
    ({ event }) => event.lsn,
    ({ event }) => event.snapshot,
    ({ event }) => new Date(event.deletedAtMs).toISOString(),
  ],
};

export async function writeDecisions(client: Client, effects: readonly RecordDecision[]): Promise<Changes> {
  return await execute(client, recordDecisions, effects);
}

export async function writeLaterImages(client: Client, effects: readonly LaterImage[]): Promise<Changes> {
  return await execute(client, applyLaterImages, effects);
}

export async function writeDeletes(client: Client, effects: readonly MarkDeleted[]): Promise<Changes> {
  return await execute(client, markDeleted, effects, [RULE_VERSION]);
}

const quarantine: Statement<Quarantine> = {
  text: QUARANTINE,
  columns: [
    ({ event }) => event.position.topicId,
    ({ event }) => event.position.partition,
    ({ event }) => event.position.offset,
    ({ event }) => event.legacyId,
    ({ event }) => event.reason,
    ({ event }) => event.detail,
    ({ event }) => event.record.key,
    ({ event }) => event.record.value,
    ({ recordsDecision }) => recordsDecision,
  ],
};

/** Parks records with their bytes, and records the decision of their keys. */
export async function writeQuarantine(client: Client, effects: readonly Quarantine[]): Promise<Changes> {
  return await execute(client, quarantine, effects, [RULE_VERSION]);
}

/** Closes what is in quarantine of keys that a complete event has now decided. */
export async function healQuarantine(client: Client, legacyIds: readonly string[]): Promise<void> {
  if (legacyIds.length > 0) await client.query(HEAL, [legacyIds]);
}

async function execute<T>(
  client: Client,
  { text, columns }: Statement<T>,
  ...[effects, constants = []]: [readonly T[], unknown[]?]
): Promise<Changes> {
  if (effects.length === 0) return NO_CHANGES;
  const arrays = columns.map((column) => {
    const values: unknown[] = effects.map(typeof column === 'function' ? column : column.large);
    // `unnest` fills up with NULLs: a column that history has no use for costs nothing.
    if (values.every((value) => value === null)) return [];
    return typeof column === 'function' ? values : textArray(values as (string | null)[]);
  });
  const { rows } = await client.query<{
    runs_inserted: number;
    runs_updated: number;
    ledger_written: number;
  }>(text, [...arrays, ...constants]);
  const [row] = rows;
  assert(row !== undefined, 'a write statement returned no counts');
  return {
    runsInserted: row.runs_inserted,
    runsUpdated: row.runs_updated,
    runsDeleted: 0,
    ledgerWritten: row.ledger_written,
  };
}

function present<T>(value: T | typeof UNAVAILABLE): T | null {
  return value === UNAVAILABLE ? null : value;
}
