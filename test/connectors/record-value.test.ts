import avro from 'avsc';
import { describe, expect, test } from 'vitest';
import { heartbeatOf } from '../../operations/facts/heartbeat.ts';
import { createValueDecoder } from '../../operations/facts/record-value.ts';

const SCHEMA: avro.Schema = {
  type: 'record',
  name: 'Envelope',
  fields: [
    { name: 'op', type: 'string' },
    { name: 'ts_ns', type: 'long' },
  ],
};
const NANOSECONDS = 1_795_520_583_450_123_456n;

/** A record as the registry's converter writes it: 00, schema id 7, Avro. */
function framed(): Buffer {
  const long = avro.types.LongType.__with({
    fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
    toBuffer: (value: bigint) => {
      const bytes = Buffer.alloc(8);
      bytes.writeBigInt64LE(value);
      return bytes;
    },
    fromJSON: BigInt,
    toJSON: String,
    isValid: (value: unknown) => typeof value === 'bigint',
    compare: () => 0,
  });
  const type = avro.Type.forSchema(SCHEMA, { registry: { long } });
  return Buffer.concat([Buffer.from([0, 0, 0, 0, 7]), type.toBuffer({ op: 'u', ts_ns: NANOSECONDS })]);
}

describe('a value', () => {
  test('of Avro is decoded with its schema, which is asked for once, longs beyond 2^53 included', async () => {
    const asked: number[] = [];
    const decode = createValueDecoder((id) => {
      asked.push(id);
      return Promise.resolve(SCHEMA);
    });
    expect(await decode(framed())).toEqual({ op: 'u', ts_ns: NANOSECONDS });
    await decode(framed());
    expect(asked).toEqual([7]);
  });

  test.each([
    ['without a schema', '{"op":"u"}'],
    ['with a schema around it', '{"schema":{},"payload":{"op":"u"}}'],
  ])('of JSON %s is decoded', async (_, text) => {
    expect(await createValueDecoder(undefined)(Buffer.from(text))).toEqual({ op: 'u' });
  });

  test.each([
    ['Avro where JSON is expected', undefined, framed(), /not JSON/],
    ['JSON where Avro is expected', () => Promise.resolve(SCHEMA), Buffer.from('{"secret":1}'), /magic byte/],
    ['a schema that the registry does not know', () => Promise.resolve(undefined), framed(), /schema, 7/],
  ] as const)('%s is an error that does not quote it', async (...[, lookUp, value, message]) => {
    const attempt = Promise.resolve().then(() => createValueDecoder(lookUp)(value));
    await expect(attempt).rejects.toThrow(message);
    await expect(attempt).rejects.not.toThrow(/secret/);
  });
});

test('a heartbeat is streamed when it is an insert or an update, and none when it is a delete', () => {
  const record = { offset: 3n, timestampMs: 1_777_636_800_500, key: null, value: null };
  const beat = (op: string) => heartbeatOf(record, { op, after: { beat: '2026-05-01T12:00:00.123456Z' } });
  expect(beat('u')).toEqual({
    beatAt: new Date('2026-05-01T12:00:00.123Z'),
    arrivedAt: new Date(1_777_636_800_500),
    streamed: true,
  });
  expect([beat('c')?.streamed, beat('r')?.streamed]).toEqual([true, false]);
  expect(heartbeatOf(record, { op: 'd', after: null })).toBeUndefined();
});
