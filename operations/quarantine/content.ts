import { avroBody, parseSchema, schemaId } from '../../lib/avro-record.ts';
import type { SchemaLookup } from '../../lib/registry.ts';

/** The content of bytes, as far as they can be read; `null` if there are none. */
export interface Content {
  readonly format: 'none' | 'json' | 'avro' | 'unreadable';
  readonly value: unknown;
  /** For Avro: the schema id in the bytes, whether the registry knows it or not. */
  readonly schema_id?: number;
}

/**
 * Reads a key or a value with its own schema, with every field, for a person who asks. Unlike the projector's decoder,
 * it tries both formats. It fails only if the registry does not answer.
 */
export async function contentOf(bytes: Buffer | null, lookUp: SchemaLookup | undefined): Promise<Content> {
  if (bytes === null) return { format: 'none', value: null };
  const id = schemaId(bytes);
  const framed = id === undefined ? {} : { schema_id: id };
  const schema = id === undefined ? undefined : await lookUp?.(id);
  if (schema !== undefined) {
    const value = attempted(() => parseSchema(schema).fromBuffer(avroBody(bytes)) as unknown);
    if (value !== undefined) return { format: 'avro', value, ...framed };
  }
  const value = attempted(
    () => JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown,
  );
  if (value !== undefined) return { format: 'json', value };
  return { format: 'unreadable', value: null, ...framed };
}

function attempted(read: () => unknown): unknown {
  try {
    return read();
  } catch {
    return undefined;
  }
}
