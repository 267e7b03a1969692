import type { RecordHeaders } from '../../../lib/kafka-consumer.ts';
import { isKeptOut, refusalOf } from '../../../lib/postgres-errors.ts';
import type { Position } from '../../../lib/position.ts';

/** Debezium left the value out: an unchanged TOAST column. It means "as before"; it is never stored or hashed. */
export const UNAVAILABLE = Symbol('unavailable');
export type Unavailable = typeof UNAVAILABLE;

/**
 * The columns of `agent_test_history` that have a canonical one. `timestamptz` is text that Postgres reads back to
 * the microsecond, `jsonb` is Postgres's own text, as UTF-8. Only text and jsonb columns can be unavailable. `storyboards` is
 * what the canonical row takes from `steps_json`, as JSON text: the column itself would double the size of a batch.
 */
export interface LegacyRow {
  readonly agentContextId: string;
  readonly scenario: string | Unavailable;
  readonly overallPassed: boolean;
  readonly stepsPassed: number;
  readonly stepsFailed: number;
  readonly totalDurationMs: number | null;
  readonly summary: string | null | Unavailable;
  readonly dryRun: boolean | null;
  readonly userId: string | null | Unavailable;
  readonly agentProfileJson: Buffer | null | Unavailable;
  readonly startedAt: string;
  readonly storyboards: string | null | Unavailable;
}

type TextColumn = 'scenario' | 'summary' | 'userId' | 'agentProfileJson' | 'storyboards';
const TEXT_COLUMNS = [
  'scenario',
  'summary',
  'userId',
  'agentProfileJson',
  'storyboards',
] as const satisfies TextColumn[];

/** Text that Postgres gave, as it comes in records. */
export function utf8(text: string | null): Buffer | null {
  return text === null ? null : Buffer.from(text);
}

/** A row with every value present. */
export type CompleteRow = { readonly [K in keyof LegacyRow]: Exclude<LegacyRow[K], Unavailable> };

export function isComplete(row: LegacyRow): row is CompleteRow {
  return TEXT_COLUMNS.every((column) => row[column] !== UNAVAILABLE);
}

/** The columns that an event left out, as they are counted. */
export function leftOutColumns(row: LegacyRow): readonly string[] {
  if (isComplete(row)) return [];
  return TEXT_COLUMNS.filter((column) => row[column] === UNAVAILABLE).map((column) =>
    column === 'storyboards' ? 'stepsJson' : column,
  );
}

interface Provenance {
  readonly position: Position;
  readonly legacyId: string;
  /** Postgres LSN as a number of bytes; an incremental snapshot row carries none. Never an order. */
  readonly lsn: bigint | null;
  readonly snapshot: boolean;
  readonly record: RawRecord;
  /** Where the primary key was changed: the key before it, of an image; the key from now on, of a delete. */
  readonly otherKey?: string;
}

/** A row as it is after an insert, an update or a snapshot read. */
export interface ImageEvent extends Provenance {
  readonly kind: 'image';
  readonly op: 'r' | 'c' | 'u';
  /** When the source committed the change or read the row, in epoch milliseconds; null where the record does not say. */
  readonly committedAtMs: number | null;
  readonly row: LegacyRow;
}

/** A deleted row. Debezium's `before` of it is made up except for the key, so nothing else is kept. */
export interface DeleteEvent extends Provenance {
  readonly kind: 'delete';
  /** When the source committed the delete, in epoch milliseconds. */
  readonly deletedAtMs: number;
}

/** A record that cannot be decoded or mapped. */
export interface UnusableEvent {
  readonly kind: 'unusable';
  readonly position: Position;
  /** Null where not even the key could be read. */
  readonly legacyId: string | null;
  readonly reason: QuarantineReason;
  /** What is wrong, without a value of the row. */
  readonly detail: string;
  readonly record: RawRecord;
  /** What `undo` took back of its key stays aside: Postgres refuses that, too. */
  readonly leavesUndone?: true;
}

/** The tombstone behind a delete: it says nothing that the delete has not said. */
export interface TombstoneEvent {
  readonly kind: 'tombstone';
  readonly position: Position;
}

/** The source table was truncated: a person decides what follows. */
export interface TruncateEvent {
  readonly kind: 'truncate';
  readonly position: Position;
  /** Undefined where the record does not say. */
  readonly lsn?: bigint | undefined;
  /** A person has accepted it. */
  readonly accepted?: true;
}

export type KeyedEvent = ImageEvent | DeleteEvent | UnusableEvent;
export type SourceEvent = KeyedEvent | TombstoneEvent | TruncateEvent;

export type QuarantineReason =
  | 'undecodable'
  | 'unmappable'
  | 'value_unavailable'
  | 'rejected_by_postgres'
  | 'refused_by_trigger'
  | 'too_large'
  | 'key_changed';

/** A record as it lies in the topic. */
export interface RawRecord {
  readonly offset: bigint;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: RecordHeaders;
  /** In place of a value that is too large to be kept. */
  readonly unkept?: { readonly sha256: Buffer; readonly bytes: number };
}

/** The event as one that cannot be used, for a reason that was met after decoding. */
export function unusable(
  { position, legacyId, record }: KeyedEvent,
  reason: QuarantineReason,
  detail: string,
): UnusableEvent {
  return { kind: 'unusable', position, legacyId, reason, detail, record };
}

/**
 * The event that is parked in the place of one that Postgres refuses. What was refused may also be what the event brings
 * back of an `undo`: then it is parked without that. Throws the error where nothing is left to leave out.
 */
export function withoutRefused(event: SourceEvent, error: unknown): UnusableEvent {
  if (event.kind === 'image' || event.kind === 'delete') return refusedEvent(event, error);
  if (event.kind !== 'unusable' || event.leavesUndone === true) throw error;
  return { ...event, leavesUndone: true };
}

/** The event of a row that Postgres refuses, or that a trigger of the application silently does not write. */
export function refusedEvent(event: ImageEvent | DeleteEvent, error: unknown): UnusableEvent {
  const reason = isKeptOut(error) ? 'refused_by_trigger' : 'rejected_by_postgres';
  return unusable(event, reason, `Postgres refused the row: ${refusalOf(error)}`);
}
