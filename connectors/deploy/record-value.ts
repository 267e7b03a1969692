import avro from 'avsc';
import type { SchemaLookup } from '../../consumers/lib/registry.ts';

/** Turns a record's value into what the connector gave its converter. */
export type ValueDecoder = (value: Buffer) => Promise<unknown>;

/** The framing that the registry's converter writes: 00, the schema's id, Avro. */
const HEADER_BYTES = 5;

/** `long` as bigint: as a number, avsc refuses every real envelope (`ts_ns` is about 1.8e18). */
const bigintLong = avro.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(value);
    return bytes;
  },
  fromJSON: BigInt,
  toJSON: String,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (a: bigint, b: bigint) => (a === b ? 0 : a < b ? -1 : 1),
});

/**
 * Decodes whole values of the small topics, as the configured converter writes them. One that cannot be decoded is
 * an error: the projector could not decode the data either.
 */
export function createValueDecoder(lookUp: SchemaLookup | undefined): ValueDecoder {
  if (lookUp === undefined) return (value) => Promise.resolve(parseJson(value));
  const types = new Map<number, avro.Type>();
  return async (value) => {
    const id = schemaId(value);
    const type = types.get(id) ?? typeOf(await lookUp(id), id);
    types.set(id, type);
    const decoded: unknown = type.fromBuffer(value.subarray(HEADER_BYTES));
    return decoded;
  };
}

/** Connect's JSON, with a schema around it or without. */
function parseJson(value: Buffer): unknown {
  const parsed = parsedJson(value);
  return typeof parsed === 'object' && parsed !== null && 'payload' in parsed ? parsed.payload : parsed;
}

/** The parser's own message would quote the record. */
function parsedJson(value: Buffer): unknown {
  try {
    return JSON.parse(value.toString('utf8'));
  } catch {
    throw new Error('a record is not JSON, and no schema registry is configured');
  }
}

function schemaId(value: Buffer): number {
  if (value.length <= HEADER_BYTES || value[0] !== 0) {
    throw new Error('a record does not begin with a magic byte and a schema id');
  }
  return value.readInt32BE(1);
}

function typeOf(schema: unknown, id: number): avro.Type {
  if (schema === undefined) throw new Error(`the registry does not know its schema, ${String(id)}`);
  return avro.Type.forSchema(schema as avro.Schema, { registry: { long: bigintLong } });
}
