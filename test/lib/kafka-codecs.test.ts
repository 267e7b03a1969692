import { compressFrameSync } from 'lz4-napi';
import { compressSync } from 'snappy';
import { describe, expect, test } from 'vitest';
import { FatalError } from '../../lib/errors.ts';
import { assertCodecKnown, CODEC_NAMES, DECOMPRESSORS, undecodable } from '../../lib/kafka-codecs.ts';

const TEXT = Buffer.from('records of a batch, '.repeat(5000));
const place = { topic: 'aao.public.agent_test_history', partition: 3, offset: 42n };

function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value);
  return buffer;
}

/** The stream format of snappy-java: a header, then blocks with their lengths. */
function snappyJava(...blocks: readonly Buffer[]): Buffer {
  const header = [Buffer.from([0x82]), Buffer.from('SNAPPY\0'), int32(1), int32(1)];
  return Buffer.concat([
    ...header,
    ...blocks.flatMap((block) => {
      const compressed = compressSync(block);
      return [int32(compressed.length), compressed];
    }),
  ]);
}

/** A frame of zstd with one block that is stored as it is. */
function zstdFrame(content: Buffer): Buffer {
  const block = Buffer.alloc(3);
  block.writeUIntLE(1 | (content.length << 3), 0, 3);
  return Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, content.length]), block, content]);
}

async function decompressed(name: string, bytes: Buffer): Promise<Buffer> {
  const decompress = DECOMPRESSORS[CODEC_NAMES.indexOf(name)];
  if (decompress === undefined) throw new Error(`there is no codec ${name}`);
  return await decompress(bytes);
}

describe('a batch is decompressed', () => {
  test.each([
    [
      'snappy',
      'of the Java client, in several blocks',
      snappyJava(TEXT.subarray(0, 32_768), TEXT.subarray(32_768)),
    ],
    ['snappy', 'as one block', compressSync(TEXT)],
    ['lz4', 'as a frame', compressFrameSync(TEXT)],
    [
      'lz4',
      'as a frame with checksums',
      compressFrameSync(TEXT, { contentChecksum: true, blockChecksums: true }),
    ],
  ])('from %s, %s', async (name, _, bytes) => {
    expect((await decompressed(name, bytes)).equals(TEXT)).toBe(true);
  });

  test('from zstd', async () => {
    const content = TEXT.subarray(0, 200);
    expect((await decompressed('zstd', zstdFrame(content))).equals(content)).toBe(true);
  });

  test.each([
    ['snappy', snappyJava(TEXT).subarray(0, 40)],
    ['lz4', compressFrameSync(TEXT).subarray(0, 40)],
    ['zstd', zstdFrame(TEXT.subarray(0, 200)).subarray(0, 40)],
  ])('from %s, but not where its end is missing', async (name, bytes) => {
    await expect(decompressed(name, bytes)).rejects.toThrow();
  });
});

describe('what cannot be read', () => {
  test.each([5, 6, 7])('codec %i is refused by its number, with the place of the batch', (codec) => {
    const refusal = () => {
      assertCodecKnown(0x10 | codec, place);
    };
    expect(refusal).toThrow(FatalError);
    expect(refusal).toThrow(expect.objectContaining({ code: 'TOPIC_COMPRESSION', retriable: false }));
    expect(refusal).toThrow(/offset 42 of partition 3 of aao\.public\.agent_test_history/);
  });

  test('a damaged batch names its codec; one that is not compressed keeps its own error', () => {
    const error = new Error('no end');
    expect(undecodable(4, place, error)).toMatchObject({ code: 'TOPIC_COMPRESSION' });
    expect((undecodable(4, place, error) as Error).message).toContain('zstd');
    expect(undecodable(0, place, error)).toBe(error);
  });
});
