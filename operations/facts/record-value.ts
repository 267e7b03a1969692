import type { Type } from 'avsc';
import { avroBody, parseSchema, schemaId } from '../../lib/avro-record.ts';
import type { SchemaLookup } from '../../lib/registry.ts';

/** Turns a record's value into what the connector gave its converter. */
export type ValueDecoder = (value: Buffer) => Promise<unknown>;

/**
 * Decodes whole values of the small topics, as the configured converter writes them. One that cannot be decoded is
 * an error: the projector could not decode the data either.
 */
export function createValueDecoder(lookUp: SchemaLookup | undefined): ValueDecoder {
  if (lookUp === undefined) return (value) => Promise.resolve(parseJson(value));
  const types = new Map<number, Type>();
  return async (value) => {
    const id = schemaIdOf(value);
    const type = types.get(id) ?? typeOf(await lookUp(id), id);
    types.set(id, type);
    const decoded: unknown = type.fromBuffer(avroBody(value));
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

function schemaIdOf(value: Buffer): number {
  const id = schemaId(value);
  if (id === undefined) throw new Error('a record does not begin with a magic byte and a schema id');
  return id;
}

function typeOf(schema: unknown, id: number): Type {
  if (schema === undefined) throw new Error(`the registry does not know its schema, ${String(id)}`);
  return parseSchema(schema);
}
