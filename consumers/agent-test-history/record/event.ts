import type { RecordHeaders } from '../../../lib/kafka-consumer.ts';
import { isKeptOut, refusalOf } from '../../../lib/postgres-errors.ts';
import type { Position } from '../../../lib/position.ts';

/** Debezium left the value out: an unchanged TOAST column. It means "as before"; it is never stored or hashed. */
export const UNAVAILABLE = Symbol('unavailable');
export type Unavailable = typeof UNAVAILABLE;

/**
 * The columns of `agent_test_history` that have a canonical column. `timestamptz` is text that Postgres reads back to
 * the microsecond, and `jsonb` is Postgres's own text as UTF-8. Only text and jsonb columns can be unavailable.
 * `storyboards` is the part of `steps_json` that the canonical row takes, as JSON text; the whole column would double
 * the size of a batch.
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

export function utf8(text: string | null): Buffer | null {
  return text === null ? null : Buffer.from(text);
}

/** A row with every value present. */
export type CompleteRow = { readonly [K in keyof LegacyRow]: Exclude<LegacyRow[K], Unavailable> };

export function isComplete(row: LegacyRow): row is CompleteRow {
  return TEXT_COLUMNS.every((column) => row[column] !== UNAVAILABLE);
}

/** The names of the columns that an event left out, for the metrics. */
export function leftOutColumns(row: LegacyRow): readonly string[] {
  if (isComplete(row)) return [];
  return TEXT_COLUMNS.filter((column) => row[column] === UNAVAILABLE).map((column) =>
    column === 'storyboards' ? 'stepsJson' : column,
  );
}

interface Provenance {
  readonly position: Position;
  readonly legacyId: string;
  /** Postgres's LSN as a number; null for a row of an incremental snapshot. It never defines an order. */
  readonly lsn: bigint | null;
  readonly snapshot: boolean;
  readonly record: RawRecord;
  /** Set if the primary key was changed. For an image: the key before the change. For a delete: the key after it. */
  readonly otherKey?: string;
}

/** A row as it is after an insert, an update or a snapshot read. */
export interface ImageEvent extends Provenance {
  readonly kind: 'image';
  readonly op: 'r' | 'c' | 'u';
  /**
   * When the source committed the change or read the row, in milliseconds since 1970; null if the record does not say.
   */
  readonly committedAtMs: number | null;
  readonly row: LegacyRow;
}

/** A deleted row. Debezium fills its `before` with made-up values except for the key, so nothing else is kept. */
export interface DeleteEvent extends Provenance {
  readonly kind: 'delete';
  /** When the source committed the delete, in epoch milliseconds. */
  readonly deletedAtMs: number;
}

/** A record that cannot be decoded or mapped. */
export interface UnusableEvent {
  readonly kind: 'unusable';
  readonly position: Position;
  /** Null if not even the key could be read. */
  readonly legacyId: string | null;
  readonly reason: QuarantineReason;
  /** What is wrong. It contains no value of the row. */
  readonly detail: string;
  readonly record: RawRecord;
  /** Set if Postgres also refuses what `undo` removed of the key. That then stays removed. */
  readonly leavesUndone?: true;
}

/** The tombstone after a delete. It adds nothing to the delete. */
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

/** A record as the topic has it. */
export interface RawRecord {
  readonly offset: bigint;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: RecordHeaders;
  /** Stored instead of a value that is too large to keep. */
  readonly unkept?: { readonly sha256: Buffer; readonly bytes: number };
}

/** The event as an unusable one, for a reason found after decoding. */
export function unusable(
  { position, legacyId, record }: KeyedEvent,
  reason: QuarantineReason,
  detail: string,
): UnusableEvent {
  return { kind: 'unusable', position, legacyId, reason, detail, record };
}

/**
 * The event that is parked in place of one that Postgres refuses. Postgres may also have refused what the event
 * restores of an `undo`; then the event is parked without that. Throws the error if nothing is left to leave out.
 */
export function withoutRefused(event: SourceEvent, error: unknown): UnusableEvent {
  if (event.kind === 'image' || event.kind === 'delete') return refusedEvent(event, error);
  if (event.kind !== 'unusable' || event.leavesUndone === true) throw error;
  return { ...event, leavesUndone: true };
}

/** The unusable event for a row that Postgres refuses, or that a trigger of the application silently does not write. */
export function refusedEvent(event: ImageEvent | DeleteEvent, error: unknown): UnusableEvent {
  const reason = isKeptOut(error) ? 'refused_by_trigger' : 'rejected_by_postgres';
  return unusable(event, reason, `Postgres refused the row: ${refusalOf(error)}`);
}
