import avro from 'avsc';
import type { SchemaLookup } from '../../consumers/lib/registry.ts';
import type { TopicRecord } from '../../consumers/lib/kafka-consumer.ts';

/** One row of the heartbeat table, as it came through the topic. */
export interface Heartbeat {
  readonly offset: bigint;
  /** By the clock of the legacy database. */
  readonly beatAt: Date;
  /** By the clock of Kafka Connect, which gave the record its time. */
  readonly arrivedAt: Date;
  /** False for the snapshot's copy of the row, which proves nothing about the stream. */
  readonly streamed: boolean;
}

/** Undefined where the record tells of no beat: a tombstone, a delete. */
export type HeartbeatDecoder = (record: TopicRecord) => Promise<Heartbeat | undefined>;

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
 * Decodes what the connector wrote with the converter it is configured with. A record that cannot be decoded is an
 * error: the projector could not decode the data either.
 */
export function createHeartbeatDecoder(lookUp: SchemaLookup | undefined): HeartbeatDecoder {
  const types = new Map<number, avro.Type>();
  return async (record) => {
    if (record.value === null) return undefined;
    if (lookUp === undefined) return heartbeatOf(record, parseJson(record.value));
    const id = schemaId(record.value);
    const type = types.get(id) ?? typeOf(await lookUp(id), id);
    types.set(id, type);
    return heartbeatOf(record, type.fromBuffer(record.value.subarray(HEADER_BYTES)));
  };
}

function schemaId(value: Buffer): number {
  if (value.length <= HEADER_BYTES || value[0] !== 0) {
    throw new Error('a record of the heartbeat topic does not begin with a magic byte and a schema id');
  }
  return value.readInt32BE(1);
}

function typeOf(schema: unknown, id: number): avro.Type {
  if (schema === undefined)
    throw new Error(`the registry does not know schema ${String(id)} of the heartbeat topic`);
  return avro.Type.forSchema(schema as avro.Schema, { registry: { long: bigintLong } });
}

function parseJson(value: Buffer): unknown {
  const parsed: unknown = JSON.parse(value.toString('utf8'));
  return typeof parsed === 'object' && parsed !== null && 'payload' in parsed ? parsed.payload : parsed;
}

interface Envelope {
  readonly op: string;
  readonly after: { readonly beat: string } | null;
}

function heartbeatOf(record: TopicRecord, decoded: unknown): Heartbeat | undefined {
  const { op, after } = decoded as Envelope;
  if (after === null) return undefined;
  return {
    offset: record.offset,
    beatAt: new Date(after.beat),
    arrivedAt: new Date(record.timestampMs),
    streamed: op === 'c' || op === 'u',
  };
}
