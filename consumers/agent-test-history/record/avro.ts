import type { Type } from 'avsc';
import { avroBody, parseSchema, schemaId } from '../../../lib/avro-record.ts';
import { FatalError, messageOf, type ErrorFacts } from '../../../lib/errors.ts';
import type { SchemaLookup } from '../../../lib/registry.ts';
import type { RawRecord } from './event.ts';

/**
 * The columns that the projector reads. Each may be NULL here, whatever the table says. If a NULL is not allowed, only
 * the record is parked; otherwise the whole topic would be unreadable as soon as the table allowed NULL in a column.
 * `jsonb` values are large and go to Postgres unchanged, so they stay bytes.
 */
const ROW_FIELDS = nullable({
  agent_context_id: 'string',
  scenario: 'string',
  overall_passed: 'boolean',
  steps_passed: 'int',
  steps_failed: 'int',
  total_duration_ms: 'int',
  summary: 'string',
  dry_run: 'boolean',
  user_id: 'string',
  agent_profile_json: 'bytes',
  started_at: 'string',
  steps_json: 'bytes',
});
/** The columns that every record must have, because a missing column is not a NULL. */
export const ROW_COLUMNS: readonly string[] = Object.keys(ROW_FIELDS);
const SOURCE_FIELDS = { ts_ms: 'long', ...nullable({ snapshot: 'string', lsn: 'long' }) };

function nullable(fields: Readonly<Record<string, string>>): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(Object.entries(fields).map(([field, type]) => [field, ['null', type]]));
}

interface RecordSchema {
  readonly type: 'record';
  readonly name: string;
  readonly namespace?: string;
  readonly fields: readonly { readonly name: string; readonly type: unknown }[];
}
interface Reader {
  readonly type: Type;
  readonly resolver: object;
}
/** For a schema that is known but cannot be used: the reason instead of a reader. */
type MaybeReader = Reader | string;
type RecordKind = 'key' | 'envelope';

/**
 * The record cannot be read because of its schema: the registry does not know it, or it lacks what the projector reads.
 * The message contains only the schema's id and names of columns.
 */
export class UnreadableSchema extends Error {
  override readonly name = 'UnreadableSchema';
}

export interface DecoderOptions {
  /** Set if the records are so few or so bad that an unknown schema says nothing about the registry. */
  readonly mayKnowNone?: boolean;
  /** Parks a record with an unusable schema. Without this option, the projector stops at it. */
  readonly parkUnusable?: boolean;
  /** The maximum size of a value. A larger value is parked without its content. The default is no limit. */
  readonly maxBytes?: number;
}

/**
 * Decodes records with a projected reader schema: fields that nobody reads are skipped, which is three times as fast as
 * reading them. Each schema id gets one type and one resolver, which are kept for the life of the process.
 */
export class AvroDecoder {
  readonly #readers = { key: new Map<number, MaybeReader>(), envelope: new Map<number, MaybeReader>() };
  readonly #lookUp: SchemaLookup;
  readonly #options: DecoderOptions;

  constructor(lookUp: SchemaLookup, options: DecoderOptions) {
    this.#lookUp = lookUp;
    this.#options = options;
  }

  /**
   * Fetches the schemas that these records need, so that `decode` does not wait for anything. A record with an id that
   * the registry does not know cannot be decoded. This holds also for the first record of a process; otherwise one
   * foreign record would stop every start. But if the registry knows none of the ids that this process has met, it has
   * lost its schemas or is the wrong registry, and parking the whole topic would be wrong: then this throws. If the
   * registry has lost some of its schemas, the quarantine's breaker stops the projector.
   */
  async prepare(records: readonly RawRecord[], { partition }: { readonly partition: number }): Promise<void> {
    const unknown: Readonly<Record<RecordKind, readonly number[]>> = {
      key: await this.#fetch(
        'key',
        records.map(({ key }) => key),
      ),
      envelope: await this.#fetch(
        'envelope',
        records.map(({ value }) => value),
      ),
    };
    const knowsAny = this.#readers.key.size + this.#readers.envelope.size > 0;
    if (knowsAny || this.#options.mayKnowNone === true || unknown.key.length + unknown.envelope.length === 0)
      return;
    throw registryKnowsNone(unknown, { partition, offset: String(records[0]?.offset) });
  }

  /** Returns the ids that the registry does not know. */
  async #fetch(kind: RecordKind, payloads: readonly (Buffer | null)[]): Promise<readonly number[]> {
    const readers = this.#readers[kind];
    const unknown = new Set<number>();
    for (const payload of payloads) {
      const id = payload === null ? undefined : schemaId(payload);
      if (id === undefined || readers.has(id) || unknown.has(id)) continue;
      const schema = await this.#lookUp(id);
      if (schema === undefined) unknown.add(id);
      else readers.set(id, this.#build(kind, schema, id));
    }
    return [...unknown];
  }

  /**
   * A reader, or the reason why there is none. Throws SCHEMA_UNUSABLE instead of returning a reason, unless such
   * records are to be parked.
   */
  #build(kind: RecordKind, writerSchema: unknown, id: number): MaybeReader {
    try {
      return resolverOf(kind, writerSchema);
    } catch (error) {
      const problem = `the ${kind} schema ${String(id)} cannot be read as agent_test_history: ${messageOf(error)}`;
      if (this.#options.parkUnusable === true) return problem;
      throw schemaUnusable(problem, { schemaId: id }, error);
    }
  }

  /** The decoded value. Throws if the bytes do not match their schema. */
  decode(kind: RecordKind, payload: Buffer): unknown {
    const id = schemaId(payload);
    if (id === undefined) throw new Error('the record does not begin with a magic byte and a schema id');
    const reader = this.#readers[kind].get(id);
    if (reader === undefined) throw new UnreadableSchema(`the registry does not know schema ${String(id)}`);
    if (typeof reader === 'string') throw new UnreadableSchema(reader);
    return reader.type.fromBuffer(avroBody(payload), reader.resolver);
  }
}

function registryKnowsNone(
  { key, envelope }: Readonly<Record<RecordKind, readonly number[]>>,
  at: { readonly partition: number; readonly offset: string },
): FatalError {
  const ids = [...new Set([...key, ...envelope])].join(', ');
  return new FatalError({
    code: 'SCHEMA_REGISTRY',
    message: `the registry knows none of the schemas that the records from ${String(at.partition)}:${at.offset} on are written with: ${ids}`,
    wayOut:
      'check SCHEMA_REGISTRY_URL, and restore the lost schemas in the registry under their ids; nothing was parked. If only these records are bad, they are parked as soon as a later record can be read',
    facts: at,
  });
}

/** The reason why the projector cannot read records of a schema; undefined if it can. */
export function schemaProblem(kind: RecordKind, writerSchema: unknown): string | undefined {
  try {
    resolverOf(kind, writerSchema);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function resolverOf(kind: RecordKind, writerSchema: unknown): Reader {
  const type = parseSchema(kind === 'key' ? keySchema(writerSchema) : envelopeSchema(writerSchema));
  return { type, resolver: type.createResolver(parseSchema(writerSchema)) };
}

/**
 * Stops the projector at the first record that lacks a column that the projector reads. Without this, a renamed column
 * would count as NULL: headlines would be blanked, and owners' runs would become `anonymous`.
 */
export function schemaUnusable(problem: string, facts: ErrorFacts, cause?: unknown): FatalError {
  return new FatalError({
    code: 'SCHEMA_UNUSABLE',
    message: problem,
    wayOut:
      'nothing was skipped. Undo the change of the table, or upgrade history-cdc to a release that knows it. Records that were written in between stay in the topic as they are: once the table is mended, `history-cdc project --park-unusable-schema` puts them into the quarantine, and `history-cdc snapshot start` reads their rows again, which heals them',
    facts,
    cause,
  });
}

function keySchema(writer: unknown): RecordSchema {
  return record(asRecord(writer, 'the key'), { id: 'string' });
}

/** The names must be the writer's, because they begin with the topic prefix and Avro matches records by name. */
function envelopeSchema(writer: unknown): RecordSchema {
  const envelope = asRecord(writer, 'the envelope');
  const row = recordWithin(envelope, 'before') ?? recordWithin(envelope, 'after');
  const source = recordWithin(envelope, 'source');
  if (row === undefined || source === undefined) throw new Error('the envelope has no row or no source');
  const problems = Object.entries(ROW_FIELDS).flatMap(([column, type]) => columnProblem(row, column, type));
  if (problems.length > 0) throw new Error(problems.join(', '));
  return record(envelope, {
    after: ['null', record(row, ROW_FIELDS)],
    source: record(source, SOURCE_FIELDS),
    op: 'string',
  });
}

/** Checked here, because avsc's message would not name the column. */
function columnProblem({ fields }: RecordSchema, column: string, type: readonly string[]): string[] {
  const written = fields.find(({ name }) => name === column);
  if (written === undefined) return [`${column} is missing`];
  try {
    parseSchema(type).createResolver(parseSchema(written.type));
    return [];
  } catch {
    return [`${column} has another type`];
  }
}

function record(names: RecordSchema, fields: Readonly<Record<string, unknown>>): RecordSchema {
  const { name, namespace } = names;
  return {
    type: 'record',
    name,
    ...(namespace === undefined ? {} : { namespace }),
    fields: Object.entries(fields).map(([field, type]) => ({ name: field, type })),
  };
}

/** The record definition inside a field, which may be a union with null. */
function recordWithin(envelope: RecordSchema, field: string): RecordSchema | undefined {
  const type = envelope.fields.find(({ name }) => name === field)?.type;
  const branches: unknown[] = Array.isArray(type) ? type : [type];
  const found = branches.find(isRecord);
  // A nested record without a namespace of its own is in the enclosing one.
  return found === undefined || found.namespace !== undefined || envelope.namespace === undefined
    ? found
    : { ...found, namespace: envelope.namespace };
}

function asRecord(schema: unknown, what: string): RecordSchema {
  if (!isRecord(schema)) throw new Error(`${what} is not a record`);
  return schema;
}

function isRecord(schema: unknown): schema is RecordSchema {
  return typeof schema === 'object' && schema !== null && 'type' in schema && schema.type === 'record';
}
