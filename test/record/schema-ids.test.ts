import { describe, expect, test } from 'vitest';
import { createDecoder } from '../../consumers/agent-test-history/record/decode.ts';
import {
  avroKey,
  avroValue,
  decodeWith,
  KEY_ID,
  KEY_SCHEMA,
  RECORDED,
  registryOf,
  VALUE_ID,
  VALUE_SCHEMA,
  WHERE,
  type Schema,
} from '../support/avro-records.ts';
import { aRow, PLACEHOLDER } from '../support/records.ts';

const row = aRow({ agent_context_id: '3f2c1d0e-aaaa-4bbb-8ccc-000000000002', user_id: 'user_1' });
const record = () => ({ key: avroKey(row.id), value: avroValue('c', { after: row }) });

describe('a schema id', () => {
  test('is asked for once, however many records and batches have it', async () => {
    const registry = registryOf(RECORDED);
    const decode = createDecoder(registry, PLACEHOLDER);
    for (let batch = 0; batch < 3; batch++)
      await decode(
        [record(), record(), { key: avroKey(row.id), value: null }].map((r, i) => ({
          ...r,
          offset: BigInt(i),
        })),
        WHERE,
      );
    expect(registry.asked).toEqual([KEY_ID, VALUE_ID]);
  });

  test('that the registry does not know, among known ones, makes its record undecodable, and only that', async () => {
    const strange = {
      key: avroKey(row.id),
      value: Buffer.concat([Buffer.from([0, 0, 0, 0, 99]), record().value.subarray(5)]),
    };
    const events = await decodeWith(registryOf(RECORDED), record(), strange, record());
    expect(events.map(({ kind }) => kind)).toEqual(['image', 'unusable', 'image']);
    expect(events[1]).toMatchObject({ legacyId: row.id, reason: 'undecodable' });
  });

  test('that the registry does not know makes the first record that a process meets undecodable, where its key is known', async () => {
    const decode = createDecoder(registryOf({ [KEY_ID]: KEY_SCHEMA }), PLACEHOLDER);
    for (const offset of [0n, 1n])
      expect(await decode([{ offset, ...record() }], WHERE)).toMatchObject([
        {
          kind: 'unusable',
          legacyId: row.id,
          reason: 'undecodable',
          detail: `the registry does not know schema ${String(VALUE_ID)}`,
        },
      ]);
  });

  test('of a key that the registry does not know makes its record undecodable under no key, where its value is known', async () => {
    expect(await decodeWith(registryOf({ [VALUE_ID]: VALUE_SCHEMA }), record())).toMatchObject([
      { kind: 'unusable', legacyId: null, reason: 'undecodable' },
    ]);
  });

  test('that the registry comes to know is known from the next batch on', async () => {
    const schemas: Record<number, Schema> = { [KEY_ID]: KEY_SCHEMA };
    const decode = createDecoder(registryOf(schemas), PLACEHOLDER);
    expect(await decode([{ offset: 0n, ...record() }], WHERE)).toMatchObject([{ kind: 'unusable' }]);
    schemas[VALUE_ID] = VALUE_SCHEMA;
    expect(await decode([{ offset: 1n, ...record() }], WHERE)).toMatchObject([{ kind: 'image' }]);
  });

  test('stops the projector where the registry knows none at all, of no key and no value: it lost its schemas', async () => {
    await expect(
      decodeWith(registryOf({}), record(), { key: avroKey(row.id), value: null }),
    ).rejects.toMatchObject({
      code: 'SCHEMA_REGISTRY',
      message: `the registry knows none of the schemas that the records from 0:0 on are written with: ${String(KEY_ID)}, ${String(VALUE_ID)}`,
      facts: { partition: 0, offset: '0' },
    });
  });
});
