import avro from 'avsc';

/** The registry's converter writes `00`, the schema id as int32, and then Avro. */
const MAGIC_BYTE = 0;
const HEADER_BYTES = 5;

/** The id of the schema that a record was written with; undefined if the bytes do not begin with an id. */
export function schemaId(payload: Buffer): number | undefined {
  return payload.length > HEADER_BYTES && payload[0] === MAGIC_BYTE ? payload.readInt32BE(1) : undefined;
}

/** The bytes after the schema id. */
export function avroBody(payload: Buffer): Buffer {
  return payload.subarray(HEADER_BYTES);
}

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

/** What avsc reads from; its public types do not show it. */
interface Tap {
  readonly buf: Buffer;
  pos: number;
  readLong(): number;
  _invalidate(): void;
}

/**
 * `bytes` as a view of the record instead of a copy. A reader's `bytes` may read a writer's `string`, so a large text
 * that is only passed on never becomes a JavaScript string.
 */
const bytesInPlace = Object.create(new avro.types.BytesType(), {
  _read: { value: readInPlace },
}) as avro.Type;

function readInPlace(tap: Tap): Buffer {
  const length = tap.readLong();
  const from = tap.pos;
  if (length < 0) tap._invalidate();
  else tap.pos += length;
  return tap.buf.subarray(from, tap.pos);
}

export function parseSchema(schema: unknown): avro.Type {
  // Each parse gets its own registry, because avsc puts the named types that it meets into it.
  return avro.Type.forSchema(schema as avro.Schema, { registry: { long: bigintLong, bytes: bytesInPlace } });
}
