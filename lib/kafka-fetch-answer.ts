/**
 * Makes kafkajs 2.2.4 tell how far a fetch has read. An offset is not a record: transaction markers, aborted records
 * and batches emptied by compaction take offsets too. kafkajs hides all of them, hands over no batch that holds nothing
 * else, and asks for an emptied batch again for ever. A reader that counts records would never come to the end.
 *
 * Two inner parts of kafkajs are replaced:
 * - The decoder of the Fetch answer. If the last offset of a batch holds no record, the decoder adds a placeholder for
 *   that offset. Placeholders and aborted records are marked as control records, which kafkajs counts and does not
 *   show. kafkajs finds aborted records by itself, but shows the first ones if a fetch begins inside two such
 *   transactions.
 * - The question whether a batch is empty. Every answer reaches `eachBatch`, also one without records, so that the
 *   position and the high watermark of each partition are known after each fetch.
 *
 * Source: the Fetch API and the record batch in the protocol guide of Apache Kafka.
 */
import { createRequire } from 'node:module';
import { assertCodecKnown, undecodable, type BatchPlace } from './kafka-codecs.ts';

/** The batch that a record lies in, as the broker stores it. */
export interface BatchContext {
  readonly firstOffset: string;
  readonly lastOffsetDelta: number;
  readonly partitionLeaderEpoch: number;
  readonly maxTimestamp: string;
  readonly producerId: string;
  readonly inTransaction: boolean;
  readonly isControlBatch: boolean;
}

export interface RawRecord {
  readonly offset: string;
  readonly key: Buffer | null;
  readonly batchContext: BatchContext;
  readonly isControlRecord: boolean;
}

interface Aborted {
  readonly producerId: string;
  readonly firstOffset: string;
}

interface Decoder {
  readonly buffer: Buffer;
  readonly offset: number;
  readInt16(): number;
  readInt32(): number;
  readInt64(): bigint;
  readString(): string;
  readBytes(length: number): Buffer;
  canReadBytes(length: number): boolean;
  readArray<T>(read: (decoder: Decoder) => T): T[];
  readArrayAsync<T>(read: (decoder: Decoder) => Promise<T>): Promise<T[]>;
}

const inner = createRequire(import.meta.url);
const DecoderOf = inner('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => Decoder;
const decodeBatch = inner('kafkajs/src/protocol/recordBatch/v0/decoder') as (
  decoder: Decoder,
) => Promise<BatchContext & { readonly records: readonly RawRecord[] }>;

/** Bytes of a batch before its first record. Fewer bytes are the cut beginning of a batch. */
const BATCH_HEADER_BYTES = 61;
const ATTRIBUTES_AT = 21;

/** Replaces the two parts; calling it again changes nothing. */
export function countEveryOffset(): void {
  const answer = inner('kafkajs/src/protocol/requests/fetch/v11/response') as { decode: typeof decodeAnswer };
  const batch = inner('kafkajs/src/consumer/batch') as { prototype: Record<string, () => boolean> };
  answer.decode = decodeAnswer;
  batch.prototype['isEmpty'] = () => false;
  batch.prototype['isEmptyDueToFiltering'] = () => false;
}

/** Version 11, which kafkajs uses with every broker since Kafka 2.3. */
export async function decodeAnswer(bytes: Buffer) {
  const decoder = new DecoderOf(bytes);
  const clientSideThrottleTime = decoder.readInt32();
  return {
    throttleTime: 0,
    clientSideThrottleTime,
    errorCode: decoder.readInt16(),
    sessionId: decoder.readInt32(),
    responses: await decoder.readArrayAsync(async () => {
      const topicName = decoder.readString();
      const partitions = await decoder.readArrayAsync((each) => decodePartition(each, topicName));
      return { topicName, partitions };
    }),
  };
}

async function decodePartition(decoder: Decoder, topic: string) {
  const head = {
    partition: decoder.readInt32(),
    errorCode: decoder.readInt16(),
    highWatermark: decoder.readInt64().toString(),
    lastStableOffset: decoder.readInt64().toString(),
    logStartOffset: decoder.readInt64().toString(),
  };
  const aborted = decoder.readArray<Aborted>(() => ({
    producerId: decoder.readInt64().toString(),
    firstOffset: decoder.readInt64().toString(),
  }));
  return {
    ...head,
    // They are marked already, so kafkajs has none to look for.
    abortedTransactions: [],
    preferredReadReplica: decoder.readInt32(),
    messages: markAborted(await decodeRecords(decoder, { topic, partition: head.partition }), aborted),
  };
}

/** All records and placeholders of the whole batches in the answer. The answer may end in the middle of a batch. */
async function decodeRecords(decoder: Decoder, where: Omit<BatchPlace, 'offset'>): Promise<RawRecord[]> {
  const length = decoder.readInt32();
  if (length <= 0 || !decoder.canReadBytes(length)) return [];
  const batches = new DecoderOf(decoder.readBytes(length));
  const records: RawRecord[] = [];
  while (isWholeBatch(batches)) {
    const { records: own, ...context } = await decodeWholeBatch(batches, where);
    for (const record of own) records.push(record);
    const last = BigInt(context.firstOffset) + BigInt(context.lastOffsetDelta);
    if (own.at(-1)?.offset !== String(last)) records.push(placeholder(last, context));
  }
  return records;
}

/** Decodes the next batch; if it cannot be decompressed, the error names where it lies. */
async function decodeWholeBatch(batches: Decoder, where: Omit<BatchPlace, 'offset'>) {
  const { buffer, offset: at } = batches;
  const place = { ...where, offset: buffer.readBigInt64BE(at) };
  const attributes = buffer.readInt16BE(at + ATTRIBUTES_AT);
  assertCodecKnown(attributes, place);
  try {
    return await decodeBatch(batches);
  } catch (error) {
    throw undecodable(attributes, place, error);
  }
}

function isWholeBatch({ buffer, offset }: Decoder): boolean {
  const left = buffer.length - offset;
  if (left < BATCH_HEADER_BYTES) return false;
  const format = buffer.readInt8(offset + 16);
  if (format !== 2)
    throw new Error(`the topic holds records of format ${String(format)}, from before Kafka 0.11`);
  return left - 12 >= buffer.readInt32BE(offset + 8);
}

/** The key of a marker has a version and a type; 0 is the type of an abort. */
function isAbortMarker(key: Buffer | null): boolean {
  return key !== null && key.length >= 4 && key.readInt16BE(2) === 0;
}

function placeholder(offset: bigint, batchContext: BatchContext): RawRecord {
  return { offset: String(offset), key: null, batchContext, isControlRecord: true };
}

/** Like the Java consumer: a producer's transactional records count as aborted from the first offset to the marker. */
function markAborted(records: readonly RawRecord[], aborted: readonly Aborted[]): readonly RawRecord[] {
  if (aborted.length === 0) return records;
  const waiting = aborted.toSorted((a, b) => (BigInt(a.firstOffset) < BigInt(b.firstOffset) ? -1 : 1));
  const open = new Set<string>();
  return records.map((record) => {
    const { producerId, inTransaction, isControlBatch } = record.batchContext;
    while (waiting[0] !== undefined && BigInt(waiting[0].firstOffset) <= BigInt(record.offset))
      open.add(waiting.shift()?.producerId ?? '');
    if (isControlBatch) {
      if (isAbortMarker(record.key)) open.delete(producerId);
      return record;
    }
    return inTransaction && open.has(producerId) ? { ...record, isControlRecord: true } : record;
  });
}
