import { createHash } from 'node:crypto';
import type { Position } from '../../../lib/position.ts';
import { AvroDecoder, ROW_COLUMNS, schemaUnusable, UnreadableSchema, type DecoderOptions } from './avro.ts';
import { UNAVAILABLE } from './event.ts';
import type {
  KeyedEvent,
  LegacyRow,
  QuarantineReason,
  RawRecord,
  SourceEvent,
  Unavailable,
  UnusableEvent,
} from './event.ts';
import { FatalError, messageOf } from '../../../lib/errors.ts';
import type { SchemaLookup } from '../../../lib/registry.ts';
import { storyboardsOf } from './storyboards.ts';
import { postgresTimestamp } from './timestamp.ts';

/**
 * Turns records of one partition into events. A fault of one record makes that record `unusable`. If a column is
 * missing, the table was changed and every record is affected, so the decoder throws SCHEMA_UNUSABLE.
 */
export type Decoder = (
  records: readonly RawRecord[],
  where: Omit<Position, 'offset'>,
) => Promise<SourceEvent[]>;

type Parse = (kind: 'key' | 'envelope', bytes: Buffer) => unknown;

/**
 * Decodes Avro if a registry is configured, otherwise Connect's JSON with or without schema. The placeholder is the
 * connector's `unavailable.value.placeholder`.
 */
export function createDecoder(
  lookUp: SchemaLookup | undefined,
  placeholder: string,
  options: DecoderOptions = {},
): Decoder {
  const { parkUnusable = false, maxBytes = Number.MAX_SAFE_INTEGER } = options;
  const rules = { placeholder, parkUnusable, maxBytes };
  const avro = lookUp === undefined ? undefined : new AvroDecoder(lookUp, options);
  const parse: Parse = avro === undefined ? parseJson : (kind, bytes) => avro.decode(kind, bytes);
  return async (records, where) => {
    await avro?.prepare(records, where);
    return decodeAll(records, where, { ...rules, parse });
  };
}

interface Rules {
  readonly parse: Parse;
  readonly placeholder: string;
  readonly parkUnusable: boolean;
  /** The maximum size of a value. A larger value is neither decoded nor kept. */
  readonly maxBytes: number;
}

function decodeAll(
  records: readonly RawRecord[],
  where: Omit<Position, 'offset'>,
  rules: Rules,
): SourceEvent[] {
  return records.map((record) => decodeRecord(record, { ...where, offset: record.offset }, rules));
}

/** A fault of the data. The place where it is thrown decides the reason. Its message never contains a value. */
class Unmappable extends Error {
  override readonly name = 'Unmappable';
}

function decodeRecord(record: RawRecord, position: Position, rules: Rules): SourceEvent {
  const { parse } = rules;
  let legacyId: string | null = null;
  try {
    // The key comes first: if the value cannot be read, the record still belongs to its row.
    if (record.key !== null) legacyId = uuidOf(objectOf(parse('key', record.key), 'the key')['id'], 'id');
    if (record.value !== null && record.value.length > rules.maxBytes)
      return tooLarge(record.value, { record, position, legacyId, rules });
    const envelope = record.value === null ? null : objectOf(parse('envelope', record.value), 'the envelope');
    if (envelope?.['op'] === 't') return { kind: 'truncate', position, lsn: lsnIfAny(envelope['source']) };
    if (legacyId === null) throw new Unmappable('the record has no key');
    if (envelope === null) return { kind: 'tombstone', position };
    return keyedEvent(envelope, { record, position, legacyId, rules });
  } catch (error) {
    if (error instanceof FatalError) throw error;
    const reason: QuarantineReason = error instanceof Unmappable ? 'unmappable' : 'undecodable';
    // Only our own messages are free of values. A parser's message may quote the record.
    const detail =
      error instanceof Unmappable || error instanceof UnreadableSchema
        ? messageOf(error)
        : 'the bytes are not a record of the schema';
    return { kind: 'unusable', position, legacyId, reason, detail, record };
  }
}

/** Parked with its position, hash and size only. What nobody decodes is not stored either. */
function tooLarge(value: Buffer, { record, position, legacyId, rules }: Context): UnusableEvent {
  const unkept = { sha256: createHash('sha256').update(value).digest(), bytes: value.length };
  const detail = `the record has ${String(value.length)} bytes, and RECORD_MAX_BYTES is ${String(rules.maxBytes)}`;
  const reason: QuarantineReason = 'too_large';
  return { kind: 'unusable', position, legacyId, reason, detail, record: { ...record, value: null, unkept } };
}

interface KeyedContext extends Context {
  readonly legacyId: string;
}

interface Context {
  readonly record: RawRecord;
  readonly position: Position;
  readonly legacyId: string | null;
  readonly rules: Rules;
}

function keyedEvent(envelope: Fields, { record, position, legacyId, rules }: KeyedContext): KeyedEvent {
  const source = objectOf(envelope['source'], 'source');
  const snapshot = source['snapshot'];
  const provenance = {
    position,
    legacyId,
    record,
    lsn: lsnOf(source),
    snapshot: typeof snapshot === 'string' && snapshot !== 'false',
  };
  const op = envelope['op'];
  if (op === 'd') {
    return {
      kind: 'delete',
      ...provenance,
      ...otherKey(record, '__debezium.newkey'),
      deletedAtMs: timeOf(source['ts_ms'], 'source.ts_ms'),
    };
  }
  if (op !== 'r' && op !== 'c' && op !== 'u') throw new Unmappable('op is none of r, c, u, d, t');
  return {
    kind: 'image',
    op,
    ...provenance,
    ...otherKey(record, '__debezium.oldkey'),
    committedAtMs: source['ts_ms'] == null ? null : timeOf(source['ts_ms'], 'source.ts_ms'),
    row: rowOf(wholeRow(envelope, position, rules), rules.placeholder),
  };
}

/**
 * The image with every column that the projector reads. For Avro, the schema was checked before; for JSON, only the
 * record itself shows that a column is missing. An image without any of the columns is not a row of the table, and is
 * parked.
 */
function wholeRow(envelope: Fields, { partition, offset }: Position, { parkUnusable }: Rules): Fields {
  const after = objectOf(envelope['after'], 'after');
  const missing = ROW_COLUMNS.filter((column) => !(column in after));
  if (missing.length === 0) return after;
  const problem = `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing from the record`;
  if (parkUnusable || missing.length === ROW_COLUMNS.length) throw new Unmappable(problem);
  throw schemaUnusable(
    `record ${String(partition)}:${String(offset)} cannot be read as agent_test_history: ${problem}`,
    {
      partition,
      offset: String(offset),
    },
  );
}

const ANY_UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi;

/**
 * The other key of a changed primary key. The header converter may have written anything around it, but the key is the
 * only UUID in it.
 */
function otherKey({ headers }: RawRecord, name: string): { readonly otherKey?: string } {
  const header = headers?.[name];
  if (header === undefined) return {};
  const [key, ...others] = String(header).match(ANY_UUID) ?? [];
  if (key === undefined || others.length > 0) throw new Unmappable(`the header ${name} names no key`);
  return { otherKey: key.toLowerCase() };
}

function lsnOf(source: Fields): bigint | null {
  return source['lsn'] == null ? null : integerOf(source['lsn'], 'source.lsn');
}

/** The LSN of a truncate, which must stop the projector whatever else its record contains. */
function lsnIfAny(source: unknown): bigint | undefined {
  try {
    return lsnOf(objectOf(source, 'source')) ?? undefined;
  } catch {
    return undefined;
  }
}

/** The row as the connector shows it. If it cannot be mapped, throws with a message that contains no value. */
export function rowOf(after: Fields, placeholder: string): LegacyRow {
  const text = (column: string): string | Unavailable => {
    const value = stringOf(after[column], column);
    if (value === placeholder) return UNAVAILABLE;
    // Postgres cannot store such a text, so the producer was not the connector.
    if (value.includes('\u0000')) throw new Unmappable(`${column} holds a NUL character`);
    return value;
  };
  const nullableText = (column: string) => (after[column] == null ? null : text(column));
  const nullableJson = (column: string): Buffer | null | Unavailable => {
    const value = after[column];
    if (value == null) return null;
    const json = bytesOf(value, column);
    if (json.length === Buffer.byteLength(placeholder) && json.toString() === placeholder) return UNAVAILABLE;
    if (json.includes(0)) throw new Unmappable(`${column} holds a NUL character`);
    return json;
  };
  const stepsJson = nullableJson('steps_json');
  return {
    agentContextId: uuidOf(after['agent_context_id'], 'agent_context_id'),
    scenario: text('scenario'),
    overallPassed: booleanOf(after['overall_passed'], 'overall_passed'),
    stepsPassed: int32Of(after['steps_passed'], 'steps_passed'),
    stepsFailed: int32Of(after['steps_failed'], 'steps_failed'),
    totalDurationMs:
      after['total_duration_ms'] == null ? null : int32Of(after['total_duration_ms'], 'total_duration_ms'),
    summary: nullableText('summary'),
    dryRun: after['dry_run'] == null ? null : booleanOf(after['dry_run'], 'dry_run'),
    userId: nullableText('user_id'),
    agentProfileJson: nullableJson('agent_profile_json'),
    startedAt: timestampOf(after['started_at'], 'started_at'),
    storyboards: stepsJson === UNAVAILABLE ? UNAVAILABLE : storyboardsOf(stepsJson),
  };
}

type Fields = Readonly<Record<string, unknown>>;

/** JSON with a schema is `{schema, payload}`; without a schema it is the payload itself. */
function parseJson(_kind: 'key' | 'envelope', bytes: Buffer): unknown {
  const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  if (typeof value === 'object' && value !== null && 'schema' in value && 'payload' in value)
    return value.payload;
  return value;
}

function objectOf(value: unknown, name: string): Fields {
  if (typeof value !== 'object' || value === null) throw new Unmappable(`${name} is not an object`);
  return value as Fields;
}

/** A surrogate without its other half. On its way to Postgres it would become U+FFFD: another text, or another user's id. */
const HALF_A_CHARACTER = /\p{Surrogate}/u;

function stringOf(value: unknown, name: string): string {
  if (typeof value !== 'string') throw new Unmappable(`${name} is not text`);
  if (HALF_A_CHARACTER.test(value)) throw new Unmappable(`${name} holds half of a character`);
  return value;
}

/** Text that is only passed on. For Avro it stays bytes. */
function bytesOf(value: unknown, name: string): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.from(stringOf(value, name));
}

function booleanOf(value: unknown, name: string): boolean {
  if (typeof value !== 'boolean') throw new Unmappable(`${name} is not a boolean`);
  return value;
}

function int32Of(value: unknown, name: string): number {
  if (
    typeof value !== 'number' ||
    !Number.isInteger(value) ||
    Math.abs(value) > 0x7fffffff + Number(value < 0)
  ) {
    throw new Unmappable(`${name} is not a 32-bit integer`);
  }
  return value;
}

const LAST_MS_OF_DATE = 8_640_000_000_000_000;

function timeOf(value: unknown, name: string): number {
  const epochMs = Number(integerOf(value, name));
  if (Math.abs(epochMs) > LAST_MS_OF_DATE) throw new Unmappable(`${name} is not a time`);
  return epochMs;
}

function integerOf(value: unknown, name: string): bigint {
  if (typeof value === 'bigint') return value;
  if (typeof value !== 'number' || !Number.isInteger(value))
    throw new Unmappable(`${name} is not an integer`);
  return BigInt(value);
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

function uuidOf(value: unknown, name: string): string {
  if (typeof value !== 'string' || !UUID.test(value)) throw new Unmappable(`${name} is not a UUID`);
  return value.toLowerCase();
}

function timestampOf(value: unknown, name: string): string {
  const timestamp = postgresTimestamp(stringOf(value, name));
  if (timestamp === undefined) throw new Unmappable(`${name} is not a timestamp`);
  return timestamp;
}
