import { expect, test } from 'vitest';
import { parseSchema } from '../../lib/avro-record.ts';

const schema = parseSchema({
  type: 'record',
  name: 'r',
  fields: [
    { name: 'json', type: 'bytes' },
    { name: 'count', type: 'int' },
  ],
});

test('bytes are a view of the record, and what stands behind them is read on', () => {
  const record = schema.toBuffer({ json: Buffer.from('{}'), count: 3 });
  const read = schema.fromBuffer(record) as { json: Buffer; count: number };
  expect(read).toEqual({ json: Buffer.from('{}'), count: 3 });
  expect(read.json.buffer).toBe(record.buffer);
});

test.each([
  ['is negative', [0x01]],
  ['reaches beyond the record', [0x08, 0x7b, 0x7d, 0x06]],
])('a length that %s is refused', (_, bytes) => {
  expect(() => schema.fromBuffer(Buffer.from(bytes)) as unknown).toThrow();
});
