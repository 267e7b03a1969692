import { readFileSync } from 'node:fs';
import avro from 'avsc';
import { createDecoder } from '../../consumers/agent-test-history/record/decode.ts';
import type { SourceEvent } from '../../consumers/agent-test-history/record/event.ts';
import type { SchemaLookup } from '../../lib/registry.ts';
import { envelopeOf, PLACEHOLDER, type RowValues } from './records.ts';

export const KEY_SCHEMA = readSchema('key');
export const VALUE_SCHEMA = readSchema('value');
export const [KEY_ID, VALUE_ID] = [11, 12];

export type Schema = Readonly<Record<string, unknown>>;

function readSchema(kind: 'key' | 'value'): Schema {
  const file = new URL(`../../connectors/schemas/agent_test_history-${kind}.avsc`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as Schema;
}

/** A registry of these schemas that remembers what it was asked. */
export function registryOf(schemas: Readonly<Record<number, Schema>>): SchemaLookup & { asked: number[] } {
  const asked: number[] = [];
  const lookUp: SchemaLookup = (id) => {
    asked.push(id);
    return Promise.resolve(schemas[id]);
  };
  return Object.assign(lookUp, { asked });
}

/** What Debezium's schemas are known under in `registryOf`. */
export const RECORDED = { [KEY_ID]: KEY_SCHEMA, [VALUE_ID]: VALUE_SCHEMA };

/** 64 bits whole: Debezium's nanoseconds are beyond what a number holds. */
const long = avro.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer: (value: bigint | number) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(value));
    return bytes;
  },
  fromJSON: BigInt,
  toJSON: String,
  isValid: (value: unknown) => typeof value === 'bigint' || Number.isInteger(value),
  compare: (a: bigint, b: bigint) => (a === b ? 0 : a < b ? -1 : 1),
});

const types = new Map<Schema, avro.Type>();

/** Bytes as the registry's converter frames them: 00, the id of the schema, Avro. */
export function framed(schema: Schema, id: number, value: unknown): Buffer {
  const type =
    types.get(schema) ?? avro.Type.forSchema(schema as unknown as avro.Schema, { registry: { long } });
  types.set(schema, type);
  const header = Buffer.alloc(5);
  header.writeInt32BE(id, 1);
  return Buffer.concat([header, type.toBuffer(value)]);
}

export function avroKey(id: string): Buffer {
  return framed(KEY_SCHEMA, KEY_ID, { id });
}

/** The envelope of `envelopeOf`, in Avro; `source` over its own. */
export function avroValue(
  op: string,
  { source, ...rows }: { before?: RowValues; after?: RowValues; source?: Schema },
): Buffer {
  const envelope = envelopeOf(op, rows);
  return framed(VALUE_SCHEMA, VALUE_ID, {
    ...envelope,
    source: { ...envelope.source, ts_ns: 1_778_051_289_123_456_789n, ...source },
    ts_ns: 1_778_051_289_128_456_789n,
  });
}

export const WHERE = { topicId: '0b6b6f2e-1d5c-4b7e-8a3f-9c2d4e6f8a10', partition: 0 };

/** What these records are to a process that has read nothing before; their offsets count from 0. */
export async function decodeWith(
  lookUp: SchemaLookup,
  ...records: readonly { readonly key: Buffer | null; readonly value: Buffer | null }[]
): Promise<SourceEvent[]> {
  const numbered = records.map((record, index) => ({ offset: BigInt(index), ...record }));
  return await createDecoder(lookUp, PLACEHOLDER)(numbered, WHERE);
}
