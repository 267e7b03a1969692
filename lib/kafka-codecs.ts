/**
 * How batches of records are decompressed that a producer or a broker compressed. kafkajs knows gzip; this file adds
 * snappy, lz4 and zstd, each loaded when the first batch needs it. We compress nothing ourselves.
 */
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { FatalError, messageOf } from './errors.ts';
import { shell } from './quoting.ts';

/** By the number that stands in the attributes of a batch. The names are those of Kafka's `compression.type`. */
export const CODEC_NAMES: readonly string[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];
const CODEC_MASK = 0x07;

export type Decompress = (compressed: Buffer) => Promise<Buffer>;

/** Where a batch lies, for what is said if it cannot be read. */
export interface BatchPlace {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

const load = createRequire(import.meta.url);

/** Node 22.15 and later have zstd. Before, a decompressor in JavaScript does the same more slowly. */
async function unZstd(compressed: Buffer): Promise<Buffer> {
  const { zstdDecompress } = zlib as { zstdDecompress?: typeof zlib.gunzip };
  if (zstdDecompress !== undefined) return await promisify<Buffer, Buffer>(zstdDecompress)(compressed);
  const { decompress } = load('fzstd') as typeof import('fzstd');
  return bufferOf(decompress(compressed));
}

async function unLz4(compressed: Buffer): Promise<Buffer> {
  const { decompressFrame } = load('lz4-napi') as typeof import('lz4-napi');
  return await decompressFrame(compressed);
}

/** The stream format of snappy-java, which Kafka's own clients write: a header, and blocks with their lengths. */
const SNAPPY_JAVA = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
const SNAPPY_JAVA_HEADER_BYTES = 16;

async function unSnappy(compressed: Buffer): Promise<Buffer> {
  const { uncompress } = load('snappy') as typeof import('snappy');
  const plain = async (block: Buffer) => bufferOf(await uncompress(block, { asBuffer: true }));
  // Clients that do not come from Java may write one block without a header.
  if (!compressed.subarray(0, SNAPPY_JAVA.length).equals(SNAPPY_JAVA)) return await plain(compressed);
  const blocks: Buffer[] = [];
  for (let at = SNAPPY_JAVA_HEADER_BYTES; at < compressed.length;) {
    const end = at + 4 + compressed.readInt32BE(at);
    if (end <= at || end > compressed.length) throw new Error('a block of snappy ends beyond its batch');
    blocks.push(await plain(compressed.subarray(at + 4, end)));
    at = end;
  }
  return Buffer.concat(blocks);
}

function bufferOf(bytes: Uint8Array | string): Buffer {
  if (typeof bytes === 'string') throw new Error('snappy answered with text');
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** By the codec's number: what kafkajs does not bring. */
export const DECOMPRESSORS: Readonly<Record<number, Decompress>> = { 2: unSnappy, 3: unLz4, 4: unZstd };

/** A codec as kafkajs wants it. */
export function kafkajsCodec(decompress: Decompress) {
  return () => ({
    decompress,
    compress: () => Promise.reject(new Error('history-cdc compresses no records')),
  });
}

/** kafkajs would read a batch of an unknown codec as if it were not compressed. Throws where there is one. */
export function assertCodecKnown(attributes: number, place: BatchPlace): void {
  const codec = attributes & CODEC_MASK;
  if (codec < CODEC_NAMES.length) return;
  throw unreadableBatch(place, `codec ${String(codec)}, which this release does not know`);
}

/** The error for a batch that cannot be decompressed: the codec cannot be loaded, or the bytes are damaged. */
export function undecodable(attributes: number, place: BatchPlace, error: unknown): unknown {
  const codec = attributes & CODEC_MASK;
  if (codec === 0) return error;
  return unreadableBatch(place, `${CODEC_NAMES[codec] ?? '?'}, and reading it failed: ${messageOf(error)}`);
}

function unreadableBatch({ topic, partition, offset }: BatchPlace, how: string): FatalError {
  const alter = shell`kafka-configs.sh --alter --entity-type topics --entity-name ${topic} --add-config compression.type=producer`;
  const error = new FatalError({
    code: 'TOPIC_COMPRESSION',
    message: `the batch at offset ${String(offset)} of partition ${String(partition)} of ${topic} is compressed with ${how}`,
    wayOut: `nothing was skipped, and the stored offset stays before this batch. Run a release that reads it (\`npm ci\` on this machine installs the codecs of its platform). If a broker chose the codec: ${alter}; batches that are in the topic stay as they are, so it needs a new topic with a whole snapshot (docs/running.md)`,
    facts: { topic, partition, offset: String(offset) },
  });
  // If it were retriable, kafkajs would fetch the same batch again and again, and then restart the consumer.
  return Object.assign(error, { retriable: false });
}
