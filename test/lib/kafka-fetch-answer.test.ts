import { expect, test } from 'vitest';
import { decodeAnswer } from '../../lib/kafka-fetch-answer.ts';

interface BatchOf {
  readonly first: number;
  readonly last: number;
  /** Offsets that hold a record. */
  readonly records: readonly number[];
  readonly producer?: number;
  readonly control?: 'commit' | 'abort';
}

const varint = (value: number) => Buffer.from([value << 1]);
const int = (value: number, bytes: 2 | 4 | 8) => {
  const buffer = Buffer.alloc(bytes);
  if (bytes === 8) buffer.writeBigInt64BE(BigInt(value));
  else buffer.writeIntBE(value, 0, bytes);
  return buffer;
};

function batchBytes({ first, last, records, producer = -1, control }: BatchOf): Buffer {
  const key = control === undefined ? Buffer.from('k') : Buffer.from([0, 0, 0, control === 'abort' ? 0 : 1]);
  const encoded = records.map((offset) => {
    const fields = [
      Buffer.from([0]),
      varint(0),
      varint(offset - first),
      varint(key.length),
      key,
      varint(-1),
      varint(0),
    ];
    const body = Buffer.concat(fields.map((field, index) => (index === 5 ? Buffer.from([1]) : field)));
    return Buffer.concat([varint(body.length), body]);
  });
  const attributes = (producer < 0 ? 0 : 0x10) | (control === undefined ? 0 : 0x20);
  const behindLength = Buffer.concat([
    ...[
      int(7, 4),
      Buffer.from([2]),
      int(0, 4),
      int(attributes, 2),
      int(last - first, 4),
      int(1_000, 8),
      int(1_000, 8),
    ],
    ...[int(producer, 8), int(0, 2), int(0, 4), int(records.length, 4), ...encoded],
  ]);
  return Buffer.concat([int(first, 8), int(behindLength.length, 4), behindLength]);
}

async function answered(batches: readonly BatchOf[], aborted: readonly (readonly [number, number])[] = []) {
  const records = Buffer.concat(batches.map(batchBytes));
  const topic = Buffer.from('topic');
  const { responses } = await decodeAnswer(
    Buffer.concat([
      ...[int(0, 4), int(0, 2), int(0, 4), int(1, 4), int(topic.length, 2), topic, int(1, 4)],
      ...[int(0, 4), int(0, 2), int(99, 8), int(99, 8), int(0, 8), int(aborted.length, 4)],
      ...aborted.flatMap(([producer, first]) => [int(producer, 8), int(first, 8)]),
      ...[int(-1, 4), int(records.length, 4), records],
    ]),
  );
  const messages = responses[0]?.partitions[0]?.messages ?? [];
  return messages.map(({ offset, isControlRecord }) => `${offset}${isControlRecord ? ' hidden' : ''}`);
}

test('a batch that compaction has emptied counts up to its last offset, and so do the gaps that it has left', async () => {
  expect(await answered([{ first: 0, last: 4, records: [] }])).toEqual(['4 hidden']);
  const gaps = [
    { first: 10, last: 14, records: [11] },
    { first: 20, last: 20, records: [20] },
  ];
  expect(await answered(gaps)).toEqual(['11', '14 hidden', '20']);
});

test('markers are hidden, and what was committed is not', async () => {
  const commit = [
    { first: 0, last: 1, records: [0, 1], producer: 5 },
    { first: 2, last: 2, records: [2], producer: 5, control: 'commit' as const },
  ];
  expect(await answered(commit)).toEqual(['0', '1', '2 hidden']);
});

test('a fetch that begins inside two transactions that were aborted shows no record of either', async () => {
  const batches = [
    { first: 10, last: 10, records: [10], producer: 2 },
    { first: 11, last: 11, records: [11], producer: 1 },
    { first: 12, last: 12, records: [12], producer: 1, control: 'abort' as const },
    { first: 13, last: 13, records: [13], producer: 1 },
    { first: 14, last: 14, records: [14], producer: 2, control: 'abort' as const },
    { first: 15, last: 15, records: [15] },
  ];
  const aborted = [
    [1, 5],
    [2, 6],
  ] as const;
  expect(await answered(batches, aborted)).toEqual([
    '10 hidden',
    '11 hidden',
    '12 hidden',
    '13',
    '14 hidden',
    '15',
  ]);
});
