import assert from 'node:assert/strict';
import type { Client } from '../../../lib/postgres.ts';
import { sqlFile } from '../../../lib/sql-file.ts';
import { PlainArray, textArray } from '../../../lib/array-parameter.ts';
import { canonicalRunId } from '../rule/canonical-run-id.ts';
import { NO_CHANGES, type Changes } from '../rule/changes.ts';
import { UNAVAILABLE, type ImageEvent } from '../record/event.ts';
import type { LaterImage, MarkDeleted, Quarantine, RecordDecision, SeenAgain } from '../rule/decide.ts';
import { RULE_VERSION } from '../rule/outcome.ts';
import { assertNoneKeptOut } from '../../../lib/postgres-errors.ts';

const RECORD_DECISIONS = sqlFile(import.meta.url, './sql/record-decisions.sql');
const APPLY_LATER_IMAGES = sqlFile(import.meta.url, './sql/apply-later-images.sql');
const QUARANTINE = sqlFile(import.meta.url, './sql/quarantine.sql');
const HEAL = sqlFile(import.meta.url, './sql/heal-quarantine.sql');
const MARK_SEEN_AGAIN = sqlFile(import.meta.url, './sql/mark-seen-again.sql');
const MARK_DELETED = sqlFile(import.meta.url, './sql/mark-deleted.sql');

interface Statement<T> {
  readonly text: string;
  /** One entry per parameter. The statement takes its rows as parallel arrays. */
  readonly columns: readonly Column<T>[];
}

/** How a value is encoded for Postgres. */
type Column<T> =
  | ((effect: T) => number | bigint | boolean | null)
  /** A uuid or a time. The decoder has checked its characters. */
  | { readonly unquoted: (effect: T) => string | null }
  | { readonly text: (effect: T) => string | Buffer | null }
  | { readonly bytes: (effect: T) => Buffer | null };

type Imaged = RecordDecision | LaterImage | SeenAgain;

const lookedUp: Statement<RecordDecision | LaterImage>['columns'] = [
  { unquoted: ({ event }) => event.row.agentContextId },
  { text: ({ facts }) => facts.userId },
  { text: ({ facts }) => facts.context?.organizationId ?? null },
  { text: ({ facts }) => facts.context?.originalAgentUrl ?? null },
  { text: ({ facts }) => facts.context?.agentUrl ?? null },
  { text: ({ facts }) => facts.context?.lifecycleStage ?? null },
  ({ facts }) => facts.context?.isMember ?? null,
  ({ facts }) => facts.context?.listsAgent ?? null,
  ({ facts }) => facts.context?.optedOut ?? null,
];

const positioned: Statement<Imaged>['columns'] = [
  { unquoted: ({ event }) => event.position.topicId },
  ({ event }) => event.position.partition,
  ({ event }) => event.position.offset,
  ({ event }) => event.lsn,
  { text: ({ event }) => event.op },
  ({ event }) => event.snapshot,
];

const recordDecisions: Statement<RecordDecision> = {
  text: RECORD_DECISIONS,
  columns: [
    { unquoted: ({ event }) => event.legacyId },
    { text: ({ decision }) => decision },
    { text: ({ reason }) => reason },
    { unquoted: (effect) => effect.canonicalRunId },
    () => RULE_VERSION,
    ...lookedUp,
    ...positioned,
    { text: ({ event }) => event.row.scenario },
    ({ event }) => event.row.overallPassed,
    ({ event }) => event.row.stepsPassed,
    ({ event }) => event.row.stepsFailed,
    ({ event }) => event.row.totalDurationMs,
    { text: ({ event }) => event.row.summary },
    ({ event }) => event.row.dryRun,
    { text: ({ event }) => event.row.agentProfileJson },
    { unquoted: ({ event }) => event.row.startedAt },
    { unquoted: ({ run }) => run?.fingerprint ?? null },
    { unquoted: ({ run }) => run?.profileHash ?? null },
    { text: ({ run, decision }) => (decision === 'twin' ? (run?.otherwise ?? null) : null) },
    { unquoted: ({ event, decision }) => (decision === 'twin' ? canonicalRunId(event.legacyId) : null) },
    { text: ({ event }) => event.row.storyboards },
    ({ readable }) => (readable ? null : true),
  ],
};

const applyLaterImages: Statement<LaterImage> = {
  text: APPLY_LATER_IMAGES,
  columns: [
    { unquoted: ({ event }) => event.legacyId },
    { unquoted: (effect) => effect.canonicalRunId },
    { text: ({ reason }) => reason },
    ({ applies }) => applies,
    ({ follows }) => follows,
    ...lookedUp,
    ...positioned,
    { text: ({ event }) => present(event.row.scenario) },
    ({ event }) => event.row.overallPassed,
    ({ event }) => event.row.stepsPassed,
    ({ event }) => event.row.stepsFailed,
    ({ event }) => event.row.totalDurationMs,
    { text: ({ event }) => present(event.row.summary) },
    ({ event }) => event.row.summary === UNAVAILABLE,
    ({ event }) => event.row.dryRun,
    { text: ({ event }) => present(event.row.agentProfileJson) },
    ({ event }) => event.row.agentProfileJson === UNAVAILABLE,
    { unquoted: ({ event }) => event.row.startedAt },
    ({ readable }) => readable,
    ({ facts }) => facts.inWindow,
    { text: ({ event }) => present(event.row.storyboards) },
    ({ event }) => event.row.storyboards === UNAVAILABLE,
  ],
};

const markSeenAgain: Statement<SeenAgain> = {
  text: MARK_SEEN_AGAIN,
  columns: [{ unquoted: ({ event }) => event.legacyId }, ...positioned],
};

const markDeleted: Statement<MarkDeleted> = {
  text: MARK_DELETED,
  columns: [
    { unquoted: ({ event }) => event.legacyId },
    { unquoted: ({ event }) => event.position.topicId },
    ({ event }) => event.position.partition,
    ({ event }) => event.position.offset,
    ({ event }) => event.lsn,
    ({ event }) => event.snapshot,
    { unquoted: ({ event }) => new Date(event.deletedAtMs).toISOString() },
  ],
};

export async function writeDecisions(client: Client, effects: readonly RecordDecision[]): Promise<Changes> {
  return await execute(client, recordDecisions, effects);
}

export async function writeLaterImages(client: Client, effects: readonly LaterImage[]): Promise<Changes> {
  return await execute(client, applyLaterImages, effects);
}

export async function writeSeenAgain(client: Client, effects: readonly SeenAgain[]): Promise<Changes> {
  return await execute(client, markSeenAgain, effects);
}

export async function writeDeletes(client: Client, effects: readonly MarkDeleted[]): Promise<Changes> {
  return await execute(client, markDeleted, effects, [RULE_VERSION]);
}

const quarantine: Statement<Quarantine> = {
  text: QUARANTINE,
  columns: [
    { unquoted: ({ event }) => event.position.topicId },
    ({ event }) => event.position.partition,
    ({ event }) => event.position.offset,
    { unquoted: ({ event }) => event.legacyId },
    { text: ({ event }) => event.reason },
    { text: ({ event }) => event.detail },
    { bytes: ({ event }) => event.record.key },
    { bytes: ({ event }) => event.record.value },
    ({ recordsDecision }) => recordsDecision,
    { bytes: ({ event }) => event.record.unkept?.sha256 ?? null },
    ({ event }) => event.record.unkept?.bytes ?? null,
  ],
};

/** Parks records with their bytes, and records the decision of their keys. */
export async function writeQuarantine(client: Client, effects: readonly Quarantine[]): Promise<Changes> {
  return await execute(client, quarantine, effects, [RULE_VERSION]);
}

/** Closes the parked records of the keys that these complete events have decided, up to each event. */
export async function healQuarantine(client: Client, events: readonly ImageEvent[]): Promise<void> {
  if (events.length === 0) return;
  await client.query(HEAL, [
    events.map(({ legacyId }) => legacyId),
    events.map(({ position }) => position.topicId),
    events.map(({ position }) => position.partition),
    events.map(({ position }) => position.offset),
  ]);
}

async function execute<T>(
  client: Client,
  { text, columns }: Statement<T>,
  ...[effects, constants = []]: [readonly T[], unknown[]?]
): Promise<Changes> {
  if (effects.length === 0) return NO_CHANGES;
  const arrays = columns.map((column) => arrayParameter(column, effects));
  const { rows } = await client.query<{
    runs_inserted: number;
    runs_updated: number;
    ledger_written: number;
    /** Undefined if the statement inserts no canonical rows. */
    kept_out?: number;
  }>(text, [...arrays, ...constants]);
  const [row] = rows;
  assert(row !== undefined, 'a write statement returned no counts');
  assertNoneKeptOut(row.kept_out ?? 0);
  return {
    runsInserted: row.runs_inserted,
    runsUpdated: row.runs_updated,
    runsDeleted: 0,
    ledgerWritten: row.ledger_written,
  };
}

function arrayParameter<T>(column: Column<T>, effects: readonly T[]): unknown {
  if ('text' in column) return orNothing(effects.map(column.text), textArray);
  if ('bytes' in column) return orNothing(effects.map(column.bytes), (values) => values);
  const valueOf: (effect: T) => string | number | bigint | boolean | null =
    'unquoted' in column ? column.unquoted : column;
  return orNothing(effects.map(valueOf), (values) => new PlainArray(values));
}

/** An empty array if all values are NULL, because `unnest` fills up with NULLs. So an unused column costs nothing. */
function orNothing<T>(values: readonly T[], encode: (values: readonly T[]) => unknown): unknown {
  return values.every((value) => value === null) ? [] : encode(values);
}

function present<T>(value: T | typeof UNAVAILABLE): T | null {
  return value === UNAVAILABLE ? null : value;
}
